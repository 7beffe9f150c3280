// Package meter rewrites WebAssembly modules so that a host can bound what they use: processor time by
// a fuel counter, stack by a counter of bytes left, tables by declared maximums.
//
// [Rewrite] is a pure function from bytes to bytes. It neither blocks nor keeps state, and may be called
// concurrently.
//
// # What a rewritten module does
//
// It exports two mutable i64 globals, which start at zero, and imports three functions from [HostModule]:
//
//   - [FuelGlobal] counts down, by about one unit for each machine instruction. Every loop and every
//     cycle of calls contains a check that calls [YieldFunction] if the counter is below zero. There
//     the host sets the counter to the next quantum, or ends the guest.
//   - [StackGlobal] counts the bytes of stack that are left. While a function is active, it is lowered
//     by an upper bound of the function's frame. If it falls below zero, the function calls
//     [GrowStackFunction]. There the host adds to the counter, or ends the guest. The stack in use
//     never exceeds the granted bytes by more than [RedZone].
//   - Where the module fills much memory with zeroes, it calls [ClearFunction]. The host writes them, except to
//     pages that nobody has touched.
//
// For a large frame the bound is often several times too high, so it is in a global of its own. The host
// reads the true size from the machine code and puts it into that global: see [FrameGlobal].
//
// Instantiating the module neither writes data nor runs code. The host does both afterwards, in pieces:
// see [Info].Data and [StartFunction]. It makes the tables, too, if it can: see [Options].TakeTables.
//
// Apart from that, a rewritten module computes the same as the original, with the same imports, exports
// and traps, except that table.grow fails beyond [Limits].TableGrowth. Custom sections are dropped; the
// names of functions are in the [Info]. Unused types, and unused passive element segments, are replaced by
// empty ones. [Options] may rename imports; the Info has the original's names.
//
// Modules that call each other are rewritten one by one: [Options].Imports names the provider of each import, and the result
// checks fuel and counts stack wherever the function of another module might call back. Functions that have the context slots
// of the component model become instructions: see [Builtin]. A compact import section is written as it always was.
//
// # Example
//
// This function counts the nodes of a binary tree. A node has the address of its left child at offset 0
// and that of its right child at offset 4. The function calls itself for the left child and loops for
// the right one:
//
//	(func $count (param $node i32) (result i32) (local $n i32)
//	  loop
//	    local.get $node if
//	      local.get $node i32.load call $count
//	      local.get $n i32.add i32.const 1 i32.add local.set $n
//	      local.get $node i32.load offset=4 local.set $node
//	      br 1
//	    end
//	  end
//	  local.get $n)
//
// Rewrite makes this of it. (TestDocExample)
//
//	(func $count (param $node i32) (result i32) (local $n i32) (local $fuel i64)
//	  global.get $stack i64.const 248 i64.sub global.set $stack       ;; the frame has at most 248 bytes
//	  global.get $stack global.get $fuel i64.or i64.const 0 i64.lt_s if ;; one test for both counters:
//	    global.get $stack i64.const 0 i64.lt_s if                     ;; the stack check and, since the
//	      call $grow_stack                                            ;; function calls itself, a fuel
//	    end                                                           ;; check
//	    global.get $fuel i64.const 0 i64.lt_s if
//	      call $yield
//	    end
//	  end
//	  block (result i32)
//	    global.get $fuel local.set $fuel                              ;; in loops the counter is a local
//	    loop                                                          ;; entered again only without fuel
//	      local.get $fuel i64.const 0 i64.lt_s if
//	        local.get $fuel global.set $fuel
//	        call $yield
//	        global.get $fuel local.set $fuel
//	      end
//	      loop                                                        ;; repeated while there is fuel
//	        local.get $node if
//	          local.get $node i32.load local.get $fuel i64.const 30 i64.sub global.set $fuel ;; if 5, load 5, call 20
//	          call $count
//	          global.get $fuel local.set $fuel
//	          local.get $fuel i64.const 8 i64.sub local.set $fuel     ;; add 1, add 1, load 5, br 1
//	          local.get $n i32.add i32.const 1 i32.add local.set $n
//	          local.get $node i32.load offset=4 local.set $node
//	          local.get $fuel i64.const 0 i64.ge_s br_if 1            ;; to the inner loop
//	          br 2                                                    ;; to the check
//	        end
//	      end
//	    end
//	    local.get $fuel i64.const 5 i64.sub global.set $fuel          ;; if 5, when it is not taken
//	    local.get $n
//	  end
//	  global.get $stack i64.const 248 i64.add global.set $stack)      ;; the frame is given back
//
// Locals and constants are free, since the compiler makes them operands. A short loop without calls is
// also unrolled, so that several rounds share one check.
package meter
