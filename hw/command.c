/*
 * hw/command.c - the guest's init for one command, and the folder that it shares with lkvm.
 */
#include "hw/command.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

struct Command {
	char *dir; /* NULL: there is none yet */
};

/* ---- What the guest runs ---- */

/*
 * $1 is where this folder is mounted. The guest has its kernel and nothing else yet, perhaps not
 * even a /dev: the folder has none when its own is another file system.
 */
static const char init_script[] =
	"share=$1 root=/tmp/root\n"
	"export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
	"mount -t tmpfs lkvm /tmp\n"
	"mkdir /tmp/upper /tmp/work /tmp/root\n"
	"if ! mount -t overlay -o lowerdir=/,upperdir=/tmp/upper,workdir=/tmp/work lkvm $root\n"
	"then\n"
	"	echo 'lkvm: this kernel has no OVERLAY_FS: only /tmp and /run can be written'\n"
	"	root=\n"
	"fi\n"
	"mount -t devtmpfs devtmpfs $root/dev\n"
	"mount -t proc proc $root/proc\n"
	"mount -t sysfs sysfs $root/sys\n"
	"mkdir -p $root/dev/pts $root/dev/shm\n"
	"mount -t devpts devpts $root/dev/pts\n"
	"mount -t tmpfs tmpfs $root/dev/shm\n"
	"[ -z \"$root\" ] || mount -t tmpfs tmpfs $root/tmp\n"
	"[ \"$root$share\" = /run ] || mount -t tmpfs tmpfs $root/run\n"
	"cp $share/command $root/tmp/.lkvm-command\n"
	"ip link set lo up 2>$root/dev/null\n"
	"tty=/dev/console\n"
	"for t in $(cat $root/sys/class/tty/console/active); do tty=/dev/$t; done\n"
	"[ -c $root$tty ] || tty=/dev/console\n"
	"setsid -c chroot ${root:-/} /bin/sh /tmp/.lkvm-command "
	"<$root$tty >$root$tty 2>&1\n"
	"echo $? >$share/status\n"
	"sync\n"
	"echo o >$root/proc/sysrq-trigger\n"
	"sleep 5\n"
	"poweroff -f\n";

/* Without a command: the shell that most people expect. */
static const char shell_words[] = "[ ! -x /bin/bash ] || exec /bin/bash -l\nexec /bin/sh -l\n";

static char *quoted_words(char **words)
{
	GString *text = g_string_new("exec");

	for (; *words != NULL; words++) {
		g_autofree char *word = g_shell_quote(*words);

		g_string_append_printf(text, " %s", word);
	}
	return g_string_free(g_string_append_c(text, '\n'), FALSE);
}

static char *make_script(const VmConfig *config)
{
	g_autofree char *here = g_get_current_dir(), *folder = g_shell_quote(here);
	g_autofree char *term = g_shell_quote(g_getenv("TERM") != NULL ? g_getenv("TERM") : "dumb");
	g_autofree char *words =
		config->command != NULL ? quoted_words(config->command) : g_strdup(shell_words);

	return g_strdup_printf("rm -f /tmp/.lkvm-command\n"
			       "export TERM=%s HOME=/root\n"
			       "cd %s 2>/dev/null || cd /\n"
			       "%s",
			       term, folder, words);
}

/* ---- The folder ---- */

static bool write_file(const Command *command, const char *name, const char *text, GError **error)
{
	g_autofree char *path = g_build_filename(command->dir, name, NULL);

	return g_file_set_contents(path, text, -1, error);
}

static bool fill(Command *command, const VmConfig *config, GError **error)
{
	g_autofree char *script = make_script(config);

	command->dir = g_dir_make_tmp("lkvm-XXXXXX", error);
	return command->dir != NULL && write_file(command, "init", init_script, error) &&
	       write_file(command, "command", script, error);
}

Command *command_new(VmConfig *config, GError **error)
{
	g_autoptr(Command) command = g_new0(Command, 1);

	if (!fill(command, config, error))
		return NULL;
	VmShare *share = vm_share_new("--", command->dir, COMMAND_TAG, false, error);
	if (share == NULL)
		return NULL;
	/* diod follows links: with one of its own the guest would be out of there. */
	share->files_only = true;
	g_ptr_array_add(config->shares, share);
	return g_steal_pointer(&command);
}

/* The guest may have put more files there; they are its own fault. */
static void remove_files(const char *dir)
{
	g_autoptr(GDir) files = g_dir_open(dir, 0, NULL);
	const char *name;

	while (files != NULL && (name = g_dir_read_name(files)) != NULL) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		unlink(path);
	}
	rmdir(dir);
}

void command_free(Command *command)
{
	if (command == NULL)
		return;
	if (command->dir != NULL)
		remove_files(command->dir);
	g_free(command->dir);
	g_free(command);
}

/* The guest may have put there whatever it likes: a link, a pipe, more than memory holds. */
static bool read_status(const Command *command, char *ret_text, size_t size)
{
	g_autofree char *path = g_build_filename(command->dir, "status", NULL);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat file;
	ssize_t n = -1;

	if (fd < 0)
		return false;
	if (fstat(fd, &file) == 0 && S_ISREG(file.st_mode))
		n = read(fd, ret_text, size - 1);
	close(fd);
	ret_text[MAX(n, 0)] = 0;
	return n > 0;
}

int command_status(const Command *command)
{
	char text[16];
	guint64 status;

	if (!read_status(command, text, sizeof(text)) ||
	    !g_ascii_string_to_unsigned(g_strchomp(text), 10, 0, 255, &status, NULL))
		return -1;
	return (int)status;
}
