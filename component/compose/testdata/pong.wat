;; Needs ping.wat, which needs it.
(component
  (import "id" (func $id (param "n" u32) (result u32)))
  (export "test:pong/id@0.0.1" (func $id)))
