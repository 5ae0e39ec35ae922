/*
 * plugin/program.h - can the plugin be loaded into a program? Found by looking at its file.
 */
#ifndef VMGDB_PLUGIN_PROGRAM_H
#define VMGDB_PLUGIN_PROGRAM_H

/*
 * program_find: the file that execvp() would start for @name; NULL: none. Caller frees.
 * program_obstacle: why the dynamic linker would not load the plugin into it, as the end of a
 * sentence ("is statically linked"), or NULL: nothing is known to stop it. Scripts have no
 * obstacle: their interpreter hands the plugin on. Caller frees.
 */
char *program_find(const char *name);
char *program_obstacle(const char *path);

#endif
