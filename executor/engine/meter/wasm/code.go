package wasm

// Code is a sequence of instructions under construction.
type Code []byte

// Op appends an instruction without immediates.
func (c *Code) Op(ops ...Op) {
	for _, op := range ops {
		*c = AppendOp(*c, op)
	}
}

// Index appends an instruction with one index or label.
func (c *Code) Index(op Op, i uint32) { *c = AppendU32(AppendOp(*c, op), i) }

// I32Const appends a constant.
func (c *Code) I32Const(v int32) { *c = AppendS64(AppendOp(*c, OpI32Const), int64(v)) }

// I64Const appends a constant.
func (c *Code) I64Const(v int64) { *c = AppendS64(AppendOp(*c, OpI64Const), v) }

// Begin appends a block, loop or if of the given encoded type. Without a type the block has no parameters and
// results.
func (c *Code) Begin(op Op, blockType ...byte) {
	if len(blockType) == 0 {
		blockType = []byte{0x40}
	}
	*c = append(AppendOp(*c, op), blockType...)
}

// Raw appends encoded bytes.
func (c *Code) Raw(b ...byte) { *c = append(*c, b...) }
