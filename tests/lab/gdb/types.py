# types.py - is what gdb knows of the file that vmgdb makes what it knows of a real vmlinux?
#   TYPES_OUT=FILE gdb MADE-UP -x types.py     writes every structure and function of it to FILE
#   TYPES_IN=FILE gdb VMLINUX -x types.py      looks all of them up, and says what differs
import json
import os

import gdb


def shape(t, base=0):
    """Size, and name, place and size in bits of each member; those of unnamed ones inside, too."""
    members = []
    for f in t.fields():
        at = base + f.bitpos
        inner = f.type.strip_typedefs()
        if f.name is None and inner.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
            members += shape(inner, at)[1]
        else:
            members.append([f.name, at, f.bitsize or 8 * inner.sizeof])
    return [t.sizeof, members]


def kind_of(t):
    return {gdb.TYPE_CODE_STRUCT: "struct ", gdb.TYPE_CODE_UNION: "union "}.get(t.code)


def collect():
    symtab = gdb.lookup_global_symbol("panic").symtab
    structs, functions = {}, {}
    for block in symtab.static_block(), symtab.global_block():
        for symbol in block:
            if symbol.addr_class == gdb.SYMBOL_LOC_BLOCK:
                functions[symbol.name] = [int(symbol.value().address), str(symbol.type)]
            elif symbol.addr_class == gdb.SYMBOL_LOC_TYPEDEF and symbol.type.name == symbol.name:
                kind = kind_of(symbol.type)
                if kind and symbol.type.fields():
                    structs.setdefault(kind + symbol.name, []).append(shape(symbol.type))
    with open(os.environ["TYPES_OUT"], "w") as out:
        json.dump({"structs": structs, "functions": functions}, out)
    print("collected %d structures, %d functions" % (len(structs), len(functions)))


def real_shapes(name):
    """All that it has of this name: different files may mean different things by it."""
    for symbol in gdb.lookup_static_symbols(name.split()[1], gdb.SYMBOL_STRUCT_DOMAIN):
        if kind_of(symbol.type) == name.split()[0] + " " and symbol.type.fields():
            yield shape(symbol.type)


def compare_structs(made):
    equal, differ, absent, n_members = 0, [], [], 0
    for name, shapes in made.items():
        try:
            real = shape(gdb.lookup_type(name))
        except gdb.error:
            absent.append(name)
            continue
        n_members += sum(len(s[1]) for s in shapes)
        # Of several of one name, gdb shows one of the real ones.
        if real in shapes or any(s in shapes for s in real_shapes(name)):
            equal += 1
        else:
            differ.append(name)
    # gdb does not find those that are inside of a function.
    print("structures: %d equal (%d members), %d differ, %d are not found"
          % (equal, n_members, len(differ), len(absent)))
    for name in differ[:20]:
        print("DIFFERS %s: %s, not %s" % (name, made[name], list(real_shapes(name))[:2]))
    for name in absent[:20]:
        print("ABSENT %s" % name)
    return not differ


def real_function(address):
    """The function that begins there; what is inlined at its beginning is not asked for."""
    block, found = gdb.block_for_pc(address), None
    while block and not block.is_static and not block.is_global:
        if block.function and block.start == address:
            found = block.function
        block = block.superblock
    return found


NOPS = 8  # for ftrace, on arm64: gcc 12's debug information begins behind them, the symbol in front


def symbol_at(name, address):
    """Another name for a function, or one that is folded into one that is the same, has only a symbol."""
    gdb.execute("set print demangle off")  # gdb takes a__b for a name of Ada
    if gdb.execute("info symbol 0x%x" % address, to_string=True).startswith(name + " in section"):
        return True
    try:
        there = int(gdb.parse_and_eval("(unsigned long)&'%s'" % name))
        return there == address or (there == address + NOPS and real_function(there) is not None)
    except gdb.error:
        return False


def compare_functions(made):
    equal, nops, symbols, differ, other_type = 0, 0, 0, [], []
    for name, (address, text) in made.items():
        real = real_function(address)
        if not real or real.name != name:
            if not symbol_at(name, address):
                differ.append("%s: at 0x%x is %s" % (name, address, real))
                continue
            real = real_function(address + NOPS)
            if not real or real.name != name:
                symbols += 1
                continue
            nops += 1
        else:
            equal += 1
        if str(real.type) != text:
            other_type.append("%s: %s, not %s" % (name, text, real.type))
    print("functions: %d at equal addresses, %d at those of symbols with %d bytes of nops in front, %d at those of"
          " other symbols, %d differ; %d have another type"
          % (equal, nops, NOPS, symbols, len(differ), len(other_type)))
    for row in differ[:20]:
        print("DIFFERS %s" % row)
    for row in other_type[:10]:
        print("TYPE %s" % row)
    return not differ


if "TYPES_OUT" in os.environ:
    collect()
else:
    with open(os.environ["TYPES_IN"]) as file:
        made = json.load(file)
    good = compare_structs(made["structs"])
    good = compare_functions(made["functions"]) and good
    gdb.execute("quit %d" % (not good))
