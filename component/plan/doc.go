// Package plan turns a valid component into the list of steps that instantiate it.
//
// Instantiating a component has no control flow. [Flatten] carries it out once, symbolically: every instantiation of a
// nested component copies its steps with the arguments bound. Instances, aliases and nested components are gone
// afterwards; what is left refers to core instances, canonical functions and functions of the host by number.
//
// Some core instances exist only since core modules can't import what needs their own memory. [Plan.Elide] leaves them out.
//
// Types are evaluated again on the way, with the resource types bound: each instantiation of a component makes resource
// types of its own. So the plan's types say which handles are the same, and the canonical ABI compares pointers.
package plan
