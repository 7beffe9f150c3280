//! Does with files what programs do. Every language's program here prints the same.
//! It has /data to work in and /fixed to read only.

use std::ffi::{c_char, c_int, CStr};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::{Duration, UNIX_EPOCH};

extern "C" {
    fn symlink(target: *const c_char, path: *const c_char) -> c_int; // std's is not stable
}

fn symlink_to(target: &CStr, path: &CStr) -> io::Result<()> {
    match unsafe { symlink(target.as_ptr(), path.as_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn list(path: &str) -> io::Result<()> {
    let mut names = fs::read_dir(path)?
        .map(|e| Ok(e?.file_name().into_string().unwrap()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    println!("list {}", names.join(" "));
    Ok(())
}

fn refused<T>(label: &str, result: io::Result<T>) {
    println!("{label} {}", if result.is_err() { "refused" } else { "ALLOWED" });
}

fn main() -> io::Result<()> {
    fs::create_dir("/data/sub")?;
    let mut f = OpenOptions::new().read(true).write(true).create(true).open("/data/first.txt")?;
    f.write_all(b"hello world")?;
    f.seek(SeekFrom::Start(6))?;
    let mut tail = String::new();
    f.read_to_string(&mut tail)?;
    println!("tail {tail}");
    drop(f);

    OpenOptions::new().append(true).open("/data/first.txt")?.write_all(b"!")?;
    println!("appended {}", fs::read_to_string("/data/first.txt")?);

    fs::rename("/data/first.txt", "/data/sub/second.txt")?;
    symlink_to(c"sub/second.txt", c"/data/link")?;
    println!("link {}", fs::read_link("/data/link")?.display());
    println!("through {}", fs::read_to_string("/data/link")?);

    let f = OpenOptions::new().write(true).open("/data/sub/second.txt")?;
    f.set_len(5)?;
    println!("truncated {}", fs::read_to_string("/data/sub/second.txt")?);
    f.set_modified(UNIX_EPOCH + Duration::from_secs(1_000_000_001))?;
    drop(f);
    let meta = fs::metadata("/data/sub/second.txt")?;
    let mtime = meta.modified()?.duration_since(UNIX_EPOCH).unwrap();
    println!("stat {} {}", meta.len(), mtime.as_secs());
    list("/data")?;

    println!("fixed {}", fs::read_to_string("/fixed/file")?);
    refused("write", OpenOptions::new().write(true).open("/fixed/file"));
    refused("create", File::create("/fixed/new"));
    refused("unlink", fs::remove_file("/fixed/file"));
    refused("outside", File::open("/data/../outside/secret"));
    refused("escape", File::open("/data/escape"));

    fs::remove_file("/data/link")?;
    refused("rmdir", fs::remove_dir("/data/sub"));
    fs::remove_file("/data/sub/second.txt")?;
    fs::remove_dir("/data/sub")?;
    list("/data")
}
