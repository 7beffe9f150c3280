package wasm

import "math"

// Constants evaluates constant expressions of type i32.
type Constants struct {
	imported []GlobalType // imported globals; no others can be in a constant expression
}

// Constant is the value of an expression. It is not known if it depends on an imported global.
type Constant struct {
	Value uint32
	Known bool
}

// Constants returns an evaluator for the module's constant expressions.
func (m *Module) Constants() *Constants {
	return &Constants{imported: m.GlobalTypes()[:m.ImportedGlobals()]}
}

// Evaluate returns the value of an expression. It fails with an *[Error] if the expression has not exactly one
// value of type i32.
func (c *Constants) Evaluate(e Expr) (Constant, error) { return c.evaluate(e, nil) }

// Value returns the value of an expression that Evaluate accepts, given the values of the imported globals.
func (e Expr) Value(globals []uint32) uint32 {
	c := Constants{imported: make([]GlobalType, len(globals))}
	for i := range c.imported {
		c.imported[i].Type = I32
	}
	value, err := c.evaluate(e, globals)
	if err != nil {
		return math.MaxUint32 // out of all bounds; it is not reached
	}
	return value.Value
}

// evaluate is Evaluate, given the values of the imported globals if they are known.
func (c *Constants) evaluate(e Expr, globals []uint32) (Constant, error) {
	x := evaluation{reader: reader{buf: e.Code, base: e.Offset}}
	for x.more() {
		at := x.offset()
		switch op := x.byte(); op {
		case byte(OpI32Const):
			x.push(Constant{uint32(x.sleb(32)), true})
		case byte(OpGlobalGet):
			if i := c.global(&x.reader, at); int(i) < len(globals) {
				x.push(Constant{globals[i], true})
			} else {
				x.push(Constant{})
			}
		case byte(OpI32Add), byte(OpI32Sub), byte(OpI32Mul):
			b, a := x.pop(at), x.pop(at)
			x.push(Constant{arithmetic(Op(op), a.Value, b.Value), a.Known && b.Known})
		case byte(OpEnd):
		default:
			x.fail(Malformed, at, "instruction %#x in a constant expression of type i32", op)
		}
	}
	if len(x.stack) != 1 {
		x.fail(Malformed, e.Offset, "constant expression with %d values", len(x.stack))
	}
	if err := x.result(); err != nil {
		return Constant{}, err
	}
	return x.stack[0], nil
}

func arithmetic(op Op, a, b uint32) uint32 {
	switch op {
	case OpI32Add:
		return a + b
	case OpI32Sub:
		return a - b
	default:
		return a * b
	}
}

// global reads and checks the index of an imported global, whose value is known only to an instance.
func (c *Constants) global(r *reader, at int64) uint32 {
	i := r.u32()
	switch {
	case int64(i) >= int64(len(c.imported)):
		r.fail(Malformed, at, "global %d in a constant expression, %d are imported", i, len(c.imported))
	case c.imported[i].Type != I32:
		r.fail(Malformed, at, "global %d in a constant expression of type i32 is %v", i, c.imported[i].Type)
	}
	return i
}

// evaluation is the state of evaluating a constant expression.
type evaluation struct {
	reader
	stack []Constant
}

func (x *evaluation) push(v Constant) { x.stack = append(x.stack, v) }

func (x *evaluation) pop(at int64) Constant {
	top := len(x.stack) - 1
	if top < 0 {
		x.fail(Malformed, at, "operand missing in a constant expression")
		return Constant{}
	}
	v := x.stack[top]
	x.stack = x.stack[:top]
	return v
}
