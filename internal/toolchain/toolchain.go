package toolchain

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Targets says how to build for WASI preview 1.
const Targets = "Go: GOOS=wasip1 GOARCH=wasm; Rust: --target wasm32-wasip1; C and C++: wasi-sdk's clang --target=wasm32-wasip1; " +
	"Zig: -target wasm32-wasi; TinyGo: -target=wasip1"

// Component says what to build instead of a component.
const Component = "this is a component, for WASI 0.2 or later, and only core modules of WASI preview 1 can be run yet: build one (" + Targets + ")"

// File says what a file is that does not begin as WebAssembly does, from its first bytes; nothing if it is not known.
func File(begin []byte) string {
	for _, known := range []struct{ magic, text string }{
		{"\x7fELF", "it is a native program or library (ELF): build it for WebAssembly (" + Targets + ")"},
		{"\xcf\xfa\xed\xfe", "it is a native program or library (Mach-O): build it for WebAssembly (" + Targets + ")"},
		{"\xca\xfe\xba\xbe", "it is a Java class or a native program (Mach-O): build it for WebAssembly (" + Targets + ")"},
		{"MZ", "it is a native program or library of Windows: build it for WebAssembly (" + Targets + ")"},
		{"!<arch>", "it is a library (ar archive): link it into a program"},
		{"BC\xc0\xde", "it is LLVM bitcode: link it into a program for WebAssembly"},
		{"\x1f\x8b", "it is compressed (gzip): unpack it first"},
		{"\x28\xb5\x2f\xfd", "it is compressed (zstd): unpack it first"},
		{"PK\x03\x04", "it is a zip archive: unpack it first"},
		{"#!", "it is a script: WebAssembly comes from a compiler"},
	} {
		if bytes.HasPrefix(begin, []byte(known.magic)) {
			return known.text
		}
	}
	return source(begin)
}

// source says what a text is.
func source(begin []byte) string {
	text := string(begin)
	for range utf8.UTFMax { // the last character may be cut
		if utf8.ValidString(text) || text == "" {
			break
		}
		text = text[:len(text)-1]
	}
	if text == "" || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return ""
	}
	text = strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(text, "(module"), strings.HasPrefix(text, "(component"), strings.HasPrefix(text, ";;"), strings.HasPrefix(text, "(;"):
		return "it is WebAssembly as text: translate it with `wat2wasm` or `wasm-tools parse`"
	case strings.HasPrefix(text, "<"):
		return "it is a web page or XML, perhaps of a download that failed"
	}
	return "it is text: WebAssembly comes from a compiler"
}

// Import says what a module was probably made for that imports a function which does not exist; nothing if it is not known.
func Import(module, name string) string {
	switch {
	case module == "wbg" || strings.HasPrefix(module, "__wbindgen") || strings.HasPrefix(module, "./") && strings.HasSuffix(module, "_bg.js"):
		return "wasm-bindgen makes modules for JavaScript: build for wasm32-wasip1, and without wasm-bindgen"
	case module == "gojs" || module == "go":
		return "it was built for JavaScript: build with GOOS=wasip1 GOARCH=wasm, or TinyGo with -target=wasip1"
	case module == "wasi_unstable":
		return "it was built for an older WASI, preview 0: build it again with the toolchain of today"
	case strings.HasPrefix(module, "wasi:"):
		return "it is of WASI 0.2 or later: build for preview 1 (" + Targets + ")"
	case strings.HasPrefix(module, "wasix_"):
		return "it was built for WASIX, an extension of WASI that only Wasmer has: build for preview 1 (" + Targets + ")"
	case module == "wasi" && name == "thread-spawn":
		return "it was built with threads: build for wasm32-wasip1, not wasm32-wasip1-threads"
	case module == "env":
		return environment(name)
	case module == "a" && len(name) <= 2:
		return "it is probably of Emscripten, for JavaScript: " + emscripten
	}
	return ""
}

const emscripten = "build with emcc -sSTANDALONE_WASM, or with wasi-sdk"

// environment says where an import from "env" comes from, where linkers put all that they did not find.
func environment(name string) string {
	switch {
	case strings.HasPrefix(name, "emscripten_"), strings.HasPrefix(name, "_emscripten_"), strings.HasPrefix(name, "__syscall_"),
		strings.HasPrefix(name, "invoke_"), strings.HasPrefix(name, "_embind_"), name == "_abort_js":
		return "it was built with Emscripten, for JavaScript: " + emscripten
	case name == "abort":
		return "it is probably of AssemblyScript: compile it with `asc --use abort=`, or with its wasi-shim"
	case strings.HasPrefix(name, "__cxa_"):
		return "it uses exceptions of C++ that were not linked: compile with -fno-exceptions"
	}
	return "the linker has not found it: link what defines it, and without --allow-undefined or --import-undefined the linker says so itself"
}
