/*
 * plugin/child.h - what a forked child of the VMM must let go.
 */
#ifndef VMGDB_PLUGIN_CHILD_H
#define VMGDB_PLUGIN_CHILD_H

/*
 * child_close_sockets: closes, in a child made by fork() that runs no other program, its copies of
 * the server's sockets. They would keep the address in use and gdb's connection open after the
 * VMM's end. @address: of the server, as kvm_gdb_address() writes it. They are told by their own
 * address, because the server's state may just have been in another thread's hands.
 */
void child_close_sockets(const char *address);

#endif
