;; Needs pong.wat, which needs it.
(component
  (import "test:pong/id@0.0.1" (func $id (param "n" u32) (result u32)))
  (export "id" (func $id)))
