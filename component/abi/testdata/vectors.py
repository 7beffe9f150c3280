#!/usr/bin/env python3
"""Makes vectors.json from the specification's own executable form.

Usage: PYTHONPATH=component-model/design/mvp/canonical-abi ./vectors.py > vectors.json

Each vector passes one value from the memory of a guest to that of another one. Some guests lie: their memory or their
core values have been changed at random.
"""
import json
import random
import struct

import definitions
from definitions import *

definitions.DETERMINISTIC_PROFILE = True
random.seed(20261126)

SIZE = 2048
ENCODINGS = ['utf8', 'utf16', 'latin1+utf16']
PRIMS = {
    'bool': BoolType, 's8': S8Type, 'u8': U8Type, 's16': S16Type, 'u16': U16Type, 's32': S32Type, 'u32': U32Type,
    's64': S64Type, 'u64': U64Type, 'f32': F32Type, 'f64': F64Type, 'char': CharType, 'string': StringType,
}


class Guest:
    """A guest whose realloc only goes up, and clears what it frees."""

    def __init__(self, encoding):
        self.memory, self.top, self.trace = bytearray(SIZE), 16, []
        opts = CanonicalOptions()
        opts.memory, opts.string_encoding = MemInst(self.memory, 'i32'), encoding
        self.cx = LiftLowerContext(opts, ComponentInstance(Store()))
        self.cx.reallocate = self.realloc

    def realloc(self, ptr, size, align, new_size):
        self.trace.append([ptr, size, align, new_size])
        if ptr != 0 and new_size < size:
            return ptr
        at = align_to(self.top, align)
        trap_if(at + new_size > SIZE)
        self.memory[at:at + size] = self.memory[ptr:ptr + size]
        self.memory[ptr:ptr + size] = bytes(size)
        self.top = at + new_size
        return at


def some_type(depth):
    if depth == 0 or random.random() < 0.3:
        pick = random.choice(list(PRIMS) + ['string'] * 8 + ['flags', 'enum'])
        return [pick, random.choice([1, 3, 8, 9, 17, 32])] if pick in ('flags', 'enum') else pick
    sub = lambda: some_type(depth - 1)
    maybe = lambda: random.choice([None, sub()])
    match random.choice(['list', 'list', 'fixed', 'record', 'tuple', 'variant', 'option', 'result', 'map']):
        case 'list': return ['list', sub()]
        case 'fixed': return ['fixed', sub(), random.randint(1, 4)]
        case 'record': return ['record'] + [sub() for _ in range(random.randint(1, 5))]
        case 'tuple': return ['tuple'] + [sub() for _ in range(random.randint(1, 4))]
        case 'variant': return ['variant'] + [maybe() for _ in range(random.randint(1, 4))]
        case 'option': return ['option', sub()]
        case 'result': return ['result', maybe(), maybe()]
        case 'map': return ['map', random.choice(['u8', 'string', 'char', 's64']), sub()]


def build(t):
    if t is None:
        return None
    if isinstance(t, str):
        return PRIMS[t]()
    subs = t[1:]
    match t[0]:
        case 'flags': return FlagsType([f'n{i}' for i in range(t[1])])
        case 'enum': return EnumType([f'n{i}' for i in range(t[1])])
        case 'list': return ListType(build(t[1]))
        case 'fixed': return ListType(build(t[1]), t[2])
        case 'record': return RecordType([FieldType(f'f{i}', build(s)) for i, s in enumerate(subs)])
        case 'tuple': return TupleType([build(s) for s in subs])
        case 'variant': return VariantType([CaseType(f'c{i}', build(s)) for i, s in enumerate(subs)])
        case 'option': return OptionType(build(t[1]))
        case 'result': return ResultType(build(t[1]), build(t[2]))
        case 'map': return MapType(build(t[1]), build(t[2]))


def some_text():
    alphabet = random.choice(['ab \0', 'a\x80\xff', 'a\u03b1\ud7ff\ue000', 'a\xe4\u65e5\U0001f30a\U0010ffff'])
    return ''.join(random.choice(alphabet) for _ in range(random.choice([0, 1, 3, 9])))


def some_string(encoding):
    s = some_text()
    match encoding:
        case 'utf8': return (s, encoding, len(s.encode('utf-8')))
        case 'utf16': return (s, encoding, len(s.encode('utf-16-le')) // 2)
    if all(ord(c) < 256 for c in s) and random.random() < 0.7:
        return (s, encoding, len(s))
    return (s, encoding, len(s.encode('utf-16-le')) // 2 | 1 << 31)


def some_value(t, encoding):
    sub = lambda u: some_value(u, encoding)
    match despecialize(t):
        case BoolType(): return random.random() < 0.5
        case S8Type(): return random.randint(-2**7, 2**7 - 1)
        case U8Type(): return random.randint(0, 2**8 - 1)
        case S16Type(): return random.randint(-2**15, 2**15 - 1)
        case U16Type(): return random.randint(0, 2**16 - 1)
        case S32Type(): return random.randint(-2**31, 2**31 - 1)
        case U32Type(): return random.randint(0, 2**32 - 1)
        case S64Type(): return random.randint(-2**63, 2**63 - 1)
        case U64Type(): return random.randint(0, 2**64 - 1)
        case F32Type(): return random.choice([0.0, -0.0, 1.5, math.inf, -math.inf, math.nan, 2.0**-149])
        case F64Type(): return random.choice([0.0, -0.0, 0.1, math.inf, -math.inf, math.nan, 5e-324])
        case CharType(): return random.choice('a\x80\xff\ud7ff\ue000\U0010ffff')
        case StringType(): return some_string(encoding)
        case ListType(u, n): return [sub(u) for _ in range(random.randint(0, 4) if n is None else n)]
        case RecordType(fields): return {f.label: sub(f.t) for f in fields}
        case VariantType(cases):
            c = random.choice(cases)
            return {c.label: None if c.t is None else sub(c.t)}
        case FlagsType(labels): return {l: random.random() < 0.5 for l in labels}


def bits(core, v):
    """The bits of a core value, in 64."""
    match core:
        case 'f32': return struct.unpack('<I', struct.pack('<f', v))[0]
        case 'f64': return struct.unpack('<Q', struct.pack('<d', v))[0]
    return v


def unbits(core, v):
    match core:
        case 'i32': return v % 2**32
        case 'f32': return struct.unpack('<f', struct.pack('<I', v % 2**32))[0]
        case 'f64': return struct.unpack('<d', struct.pack('<Q', v))[0]
    return v


def flat_params(g, t):
    return flatten_functype(g.cx.opts, FuncType([t], []), 'lift').params


def lie(source, flat):
    for _ in range(random.randint(1, 3)):
        if random.random() < 0.5:
            i = random.randrange(len(flat))
            flat[i] = random.choice([flat[i] ^ 1 << random.randrange(32), random.getrandbits(32), 2**32 - 1, flat[i] + 1])
        elif source.top > 16:
            source.memory[random.randrange(16, source.top)] = random.choice([0, 1, 0x7f, 0x80, 0xd8, 0xff])


def vector(lying):
    desc = some_type(random.randint(0, 3))
    t = build(desc)
    a, b = random.choice(ENCODINGS), random.choice(ENCODINGS)
    source, target = Guest(a), Guest(b)
    lowered = lower_flat_values(source.cx, MAX_FLAT_PARAMS, [some_value(t, a)], [t])
    cores = flat_params(source, t)
    flat = [bits(c, v) for c, v in zip(cores, lowered, strict=True)]
    if lying:
        lie(source, flat)
    out = {'type': desc, 'from': a, 'to': b, 'memory': source.memory[:source.top].hex(), 'flat': flat}
    try:
        values = CoreValueIter([unbits(c, v) for c, v in zip(cores, flat)])
        lifted = lift_flat_values(source.cx, MAX_FLAT_PARAMS, values, [t])
        lowered = lower_flat_values(target.cx, MAX_FLAT_PARAMS, lifted, [t])
    except Trap:
        return out | {'trap': True}
    out['want'] = {
        'flat': [bits(c, v) for c, v in zip(flat_params(target, t), lowered, strict=True)],
        'memory': target.memory[:target.top].hex(), 'reallocs': target.trace,
    }
    return out


def vectors():
    wanted = {(False, False): 220, (True, False): 80, (True, True): 120}
    while any(wanted.values()):
        lying = random.random() < 0.6
        try:
            v = vector(lying)
        except Trap:
            continue  # the value is larger than the memory
        key = (lying, 'trap' in v)
        if wanted.get(key, 0) > 0:
            wanted[key] -= 1
            yield v


print('[\n' + ',\n'.join(json.dumps(v, separators=(',', ':')) for v in vectors()) + '\n]')
