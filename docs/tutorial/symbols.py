"""symbols.py - the gdb command `module-symbols FILE.ko`, for docs/tutorial.md.

It asks the stopped Linux kernel where the sections of a loaded module are, and loads the module's
symbols for these addresses. A kernel with CONFIG_GDB_SCRIPTS has lx-symbols, which does more.
"""

import os

import gdb


def modules():
    """All loaded modules: the list `modules` of kernel/module.c goes through their member list."""
    head = gdb.parse_and_eval("&modules")
    kind = gdb.lookup_type("struct module")
    offset = next(field.bitpos // 8 for field in kind.fields() if field.name == "list")
    node = head["next"]
    while node != head:
        at = int(node.cast(gdb.lookup_type("unsigned long"))) - offset
        yield gdb.Value(at).cast(kind.pointer()).dereference()
        node = node["next"]


def sections(module):
    found = module["sect_attrs"].dereference()
    for i in range(int(found["nsections"])):
        section = found["attrs"][i]
        yield section["battr"]["attr"]["name"].string(), int(section["address"])


class ModuleSymbols(gdb.Command):
    """module-symbols FILE.ko: load the symbols of a module that the kernel has loaded."""

    def __init__(self):
        super().__init__("module-symbols", gdb.COMMAND_FILES, gdb.COMPLETE_FILENAME)

    def invoke(self, argument, from_tty):
        name = os.path.basename(argument).removesuffix(".ko").replace("-", "_")
        for module in modules():
            if module["name"].string() == name:
                break
        else:
            raise gdb.GdbError(f"the kernel has not loaded a module {name}")
        places = [f"-s {section} {at:#x}" for section, at in sections(module)
                  if section in (".text", ".data", ".bss", ".init.text", ".rodata")]
        gdb.execute(f"add-symbol-file {argument} {' '.join(places)}", from_tty, True)
        print(f"module {name}: the symbols of {argument} are loaded")


ModuleSymbols()
