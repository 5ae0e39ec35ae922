/*
 * guest/type-graph.h - which types of BTF refer to which. Pure; not thread-safe.
 *
 * A debugger follows the references by recursion. Those of a compiler end; a guest's may go in a
 * circle, or through a million pointers to pointers.
 */
#ifndef VMGDB_GUEST_TYPE_GRAPH_H
#define VMGDB_GUEST_TYPE_GRAPH_H

#include "guest/types.h"

/*
 * What is to be written of a type. NONE: nothing, since it is void, is not there, is no type
 * (functions, variables), or because no other one that is written refers to it. NAME: that there is
 * such a structure or union, but no members. WHOLE: everything. HOLLOW: itself, but it refers to no
 * other type: what it refers to never ends.
 */
typedef enum TypePart {
	TYPE_NONE,
	TYPE_NAME,
	TYPE_WHOLE,
	TYPE_HOLLOW,
} TypePart;

/*
 * type_graph_parts: a TypePart for each number of a type. Of a module (see linux_types_first())
 * all of its own, and of the kernel's what they need; structures of the kernel that have a name are
 * NAME then. Caller frees.
 */
uint8_t *type_graph_parts(const LinuxTypes *types);

#endif
