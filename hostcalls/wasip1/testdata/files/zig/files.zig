//! Does with files what programs do. Every language's program here prints the same.
//! It has /data to work in and /fixed to read only.

const std = @import("std");
const Io = std.Io;

fn show(io: Io, out: *Io.Writer, label: []const u8, dir: Io.Dir, path: []const u8) !void {
    var buf: [64]u8 = undefined;
    try out.print("{s} {s}\n", .{ label, try dir.readFile(io, path, &buf) });
}

fn less(_: void, a: []const u8, b: []const u8) bool {
    return std.mem.lessThan(u8, a, b);
}

fn list(io: Io, gpa: std.mem.Allocator, out: *Io.Writer, parent: Io.Dir) !void {
    const dir = try parent.openDir(io, ".", .{ .iterate = true });
    defer dir.close(io);
    var names: std.ArrayList([]const u8) = .empty;
    var it = dir.iterate();
    while (try it.next(io)) |entry| try names.append(gpa, try gpa.dupe(u8, entry.name));
    std.mem.sort([]const u8, names.items, {}, less);
    try out.writeAll("list");
    for (names.items) |name| try out.print(" {s}", .{name});
    try out.writeAll("\n");
}

fn refused(out: *Io.Writer, label: []const u8, result: anytype) !void {
    const word = if (result) |_| "ALLOWED" else |_| "refused";
    try out.print("{s} {s}\n", .{ label, word });
}

pub fn main(init: std.process.Init) !void {
    const io = init.io;
    const gpa = init.arena.allocator();
    var buffer: [4096]u8 = undefined;
    var stdout = Io.File.stdout().writerStreaming(io, &buffer);
    const out = &stdout.interface;
    const data = init.preopens.get("/data").?.dir;
    const fixed = init.preopens.get("/fixed").?.dir;

    try data.createDir(io, "sub", .default_dir);
    const first = try data.createFile(io, "first.txt", .{ .read = true });
    try first.writePositionalAll(io, "hello world", 0);
    var tail: [5]u8 = undefined;
    _ = try first.readPositionalAll(io, &tail, 6);
    try out.print("tail {s}\n", .{tail});
    try first.writePositionalAll(io, "!", 11);
    first.close(io);
    try show(io, out, "appended", data, "first.txt");

    try data.rename("first.txt", data, "sub/second.txt", io);
    try data.symLink(io, "sub/second.txt", "link", .{});
    var target: [32]u8 = undefined;
    const path = target[0..try data.readLink(io, "link", &target)];
    try out.print("link {s}\n", .{path});
    try show(io, out, "through", data, path); // on WASI, std follows no link in the last place

    const second = try data.openFile(io, "sub/second.txt", .{ .mode = .read_write });
    try second.setLength(io, 5);
    try show(io, out, "truncated", data, "sub/second.txt");
    try second.setTimestamps(io, .{ .modify_timestamp = .{ .new = .{ .nanoseconds = 1_000_000_001 * std.time.ns_per_s } } });
    second.close(io);
    const stat = try data.statFile(io, "sub/second.txt", .{});
    try out.print("stat {d} {d}\n", .{ stat.size, @as(i64, @intCast(@divFloor(stat.mtime.nanoseconds, std.time.ns_per_s))) });
    try list(io, gpa, out, data);

    try show(io, out, "fixed", fixed, "file");
    try refused(out, "write", fixed.openFile(io, "file", .{ .mode = .write_only }));
    try refused(out, "create", fixed.createFile(io, "new", .{}));
    try refused(out, "unlink", fixed.deleteFile(io, "file"));
    try refused(out, "outside", data.openFile(io, "../outside/secret", .{}));
    try refused(out, "escape", data.openFile(io, "escape", .{}));

    try data.deleteFile(io, "link");
    try refused(out, "rmdir", data.deleteDir(io, "sub"));
    try data.deleteFile(io, "sub/second.txt");
    try data.deleteDir(io, "sub");
    try list(io, gpa, out, data);
    try out.flush();
}
