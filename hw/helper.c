/*
 * hw/helper.c - starting and ending the programs beside lkvm.
 */
#include "hw/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is kept of what it writes: the beginning. */
#define MAX_WORDS 16384
#define END_PATIENCE 1000 /* milliseconds from the end of the socket to that of the program */

struct Helper {
	const HelperProgram *program;
	GPid pid;
	int words_fd;
	bool ended; /* and there is no process any more */
	int status; /* its wait status then */
};

/* ---- Where it is ---- */

/* An ordinary user's PATH has no folders for root's programs. */
static const char *const more_folders[] = {"/usr/local/sbin", "/usr/sbin", "/sbin", NULL};

char *helper_find(const HelperProgram *program, GError **error)
{
	char *path = g_find_program_in_path(program->name);

	for (const char *const *folder = more_folders; path == NULL && *folder != NULL; folder++) {
		path = g_build_filename(*folder, program->name, NULL);
		if (!g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
			g_clear_pointer(&path, g_free);
	}
	if (path == NULL)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
			    "this needs %s; on Debian: apt-get install %s", program->name,
			    program->package);
	return path;
}

/* ---- Starting it ---- */

/* A file of a size that cannot change: nobody has to read it, and it cannot fill memory. */
static int new_words_fd(void)
{
	int fd = memfd_create("words", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (ftruncate(fd, MAX_WORDS) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/*
 * [in the child, between fork() and exec()] A Ctrl-C in the terminal is for lkvm: the child has a
 * process group of its own. The session stays the same, so that the kernel continues a stopped one
 * whose lkvm is gone.
 */
static void prepare_child(gpointer data)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may have gone before. */
	if (getppid() != GPOINTER_TO_INT(data))
		_exit(1);
}

static bool spawn(Helper *helper, const char *const *args, int fd, GError **error)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	g_autofree char *path = helper_find(helper->program, error);

	if (path == NULL)
		return false;
	g_ptr_array_add(argv, path);
	for (; *args != NULL; args++)
		g_ptr_array_add(argv, (char *)*args);
	g_ptr_array_add(argv, NULL);
	return g_spawn_async_with_fds("/", (char **)argv->pdata, NULL, G_SPAWN_DO_NOT_REAP_CHILD,
				      prepare_child, GINT_TO_POINTER(getpid()), &helper->pid, fd,
				      helper->words_fd, helper->words_fd, error);
}

static Helper *start(Helper *helper, const char *const *args, int *ret_fd, GError **error)
{
	int pair[2];

	helper->words_fd = new_words_fd();
	if (helper->words_fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		int err = errno;

		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(err), "%s: %s",
			    helper->program->name, g_strerror(err));
		return NULL;
	}
	bool started = spawn(helper, args, pair[1], error);
	close(pair[1]);
	if (!started) {
		close(pair[0]);
		return NULL;
	}
	helper->ended = false;
	*ret_fd = pair[0];
	return helper;
}

Helper *helper_start(const HelperProgram *program, const char *const *args, int *ret_fd,
		     GError **error)
{
	g_autoptr(Helper) helper = g_new0(Helper, 1);

	helper->program = program;
	helper->ended = true;
	return start(helper, args, ret_fd, error) != NULL ? g_steal_pointer(&helper) : NULL;
}

pid_t helper_pid(const Helper *helper)
{
	return helper->pid;
}

/* ---- Its end ---- */

/* @options: WNOHANG, or 0. */
static void reap(Helper *helper, int options)
{
	pid_t pid;

	if (helper->ended)
		return;
	do {
		pid = waitpid(helper->pid, &helper->status, options);
	} while (pid < 0 && errno == EINTR);
	helper->ended = pid != 0;
}

/* A stopped one is killed, too. */
static void end(Helper *helper)
{
	reap(helper, WNOHANG);
	if (helper->ended)
		return;
	kill(helper->pid, SIGKILL);
	reap(helper, 0);
}

void helper_free(Helper *helper)
{
	if (helper == NULL)
		return;
	end(helper);
	if (helper->words_fd >= 0)
		close(helper->words_fd);
	g_free(helper);
}

static void wait_for_end(Helper *helper)
{
	struct pollfd wait = {.fd = -1, .events = POLLIN};

	reap(helper, WNOHANG);
	if (helper->ended)
		return;
	wait.fd = (int)syscall(SYS_pidfd_open, helper->pid, 0);
	if (wait.fd < 0)
		return;
	poll(&wait, 1, END_PATIENCE);
	close(wait.fd);
	reap(helper, WNOHANG);
}

/* ---- What it said ---- */

static bool is_noise(const Helper *helper, const char *line)
{
	return *line == 0 ||
	       (helper->program->noise != NULL && g_str_has_prefix(line, helper->program->noise));
}

/* The last line that says something, or NULL. */
static char *last_line(const Helper *helper)
{
	g_autofree char *text = g_malloc0(MAX_WORDS + 1);
	char *found = NULL;

	if (pread(helper->words_fd, text, MAX_WORDS, 0) <= 0)
		return NULL;
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		if (!is_noise(helper, g_strstrip(*line)))
			found = *line;
	}
	return found != NULL ? g_utf8_make_valid(found, -1) : NULL;
}

static char *describe_status(const Helper *helper)
{
	const char *name = helper->program->name;

	if (!helper->ended)
		return g_strdup_printf("%s has closed its socket", name);
	if (WIFSIGNALED(helper->status))
		return g_strdup_printf("signal %d (%s) has ended %s", WTERMSIG(helper->status),
				       strsignal(WTERMSIG(helper->status)), name);
	return g_strdup_printf("%s has ended with status %d", name, WEXITSTATUS(helper->status));
}

char *helper_last_words(Helper *helper)
{
	wait_for_end(helper);
	g_autofree char *status = describe_status(helper);
	g_autofree char *line = last_line(helper);

	return line != NULL ? g_strdup_printf("%s: %s", status, line) : g_steal_pointer(&status);
}
