;; Resource types of the host, used by two interfaces.
(component
  (import "test:io/poll@0.1.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))
  (import "test:io/streams@0.1.0" (instance $streams
    (alias outer 1 $pollable (type $pollable'))
    (export "pollable" (type $p (eq $pollable')))
    (export "input-stream" (type $in (sub resource)))
    (export "[method]input-stream.subscribe" (func (param "self" (borrow $in)) (result (own $p))))))
  (import "tick" (func $tick))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core func $subscribe (canon lower (func $streams "[method]input-stream.subscribe")))
  (core func $drop (canon resource.drop $pollable))
  (core func $tick' (canon lower (func $tick)))
  (core module $m
    (import "a" "block" (func (param i32)))
    (import "a" "subscribe" (func (param i32) (result i32)))
    (import "a" "drop" (func (param i32)))
    (import "b" "tick" (func)))
  (core instance (instantiate $m
    (with "a" (instance (export "block" (func $block)) (export "subscribe" (func $subscribe)) (export "drop" (func $drop))))
    (with "b" (instance (export "tick" (func $tick')))))))
