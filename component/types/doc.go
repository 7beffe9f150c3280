// Package types has the types of the component model, and says whether a component is valid: what each definition
// refers to, whether what is passed fits what is asked for (subtyping), and which resource types are the same.
package types
