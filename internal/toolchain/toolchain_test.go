package toolchain

import (
	"strings"
	"testing"
)

func TestFile(t *testing.T) {
	for begin, want := range map[string]string{
		"\x7fELF\x02\x01\x01":              "ELF",
		"\xcf\xfa\xed\xfe\x07":             "Mach-O",
		"MZ\x90\x00":                       "Windows",
		"!<arch>\n":                        "ar archive",
		"\x1f\x8b\x08":                     "gzip",
		"PK\x03\x04":                       "zip",
		"#!/bin/sh\n":                      "script",
		"(module (func))":                  "wat2wasm",
		"  ;; a comment\n(module)":         "wat2wasm",
		"<!DOCTYPE html>":                  "web page",
		"import { foo } from './foo.js';":  "it is text",
		"package main\n\nfunc main() {}":   "it is text",
		"caf\xc3":                          "it is text", // a character that was cut
		"":                                 "",
		"\x00asm":                          "",
		"\x01\x02\xff\xfe binary":          "",
		"text with a zero \x00 and more":   "",
		"\xff\xff\xff\xff\xff\xff\xff\xff": "",
	} {
		got := File([]byte(begin))
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("File(%q) = %q, want %q", begin, got, want)
		}
	}
}

func TestImport(t *testing.T) {
	for _, tt := range []struct{ module, name, want string }{
		{"wbg", "__wbg_log_1", "wasm-bindgen"},
		{"__wbindgen_placeholder__", "f", "wasm-bindgen"},
		{"./app_bg.js", "f", "wasm-bindgen"},
		{"gojs", "runtime.wasmExit", "GOOS=wasip1"},
		{"wasi_unstable", "fd_write", "preview 0"},
		{"wasi:cli/exit@0.2.0", "exit", "WASI 0.2"},
		{"wasix_32v1", "sock_open", "WASIX"},
		{"wasi", "thread-spawn", "threads"},
		{"env", "emscripten_resize_heap", "Emscripten"},
		{"env", "__syscall_openat", "Emscripten"},
		{"a", "b", "Emscripten"},
		{"env", "abort", "AssemblyScript"},
		{"env", "__cxa_throw", "-fno-exceptions"},
		{"env", "sqlite3_open", "the linker"},
		{"wasi_snapshot_preview1", "fd_teleport", ""},
		{"host", "call", ""},
	} {
		got := Import(tt.module, tt.name)
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("Import(%q, %q) = %q, want %q", tt.module, tt.name, got, tt.want)
		}
	}
}
