/* schedscope-agent: runs programs, moves files and reads clocks in a guest for the host, as process 1 or beside one. */
#include "../src/agent.h"
#include "../src/parent_guard.h"
#include "../src/text.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static const char help[] =
	"schedscope-agent: what the host asks of a guest: programs run, files moved, trace buffers read, clocks told.\n"
	"\n"
	"usage: schedscope-agent [OPTION]...\n"
	"\n"
	"      --port NAME      serve the virtio-serial port NAME (" SS_AGENT_PORT ")\n"
	"      --device PATH    serve a terminal line, as /dev/ttyS1, made raw\n"
	"      --socket PATH    serve one connection after the other at a unix socket\n"
	"      --stdio          serve stdin and stdout, until the end of stdin\n"
	"      --wait MS        how long a port or device may take to appear (3000)\n"
	"      --parent PID     end when PID, which must be the parent, ends\n"
	"\n"
	"As process 1 it reaps what is orphaned, reboots on SIGTERM and SIGINT, powers off on SIGUSR2 or when it is asked to, takes a device from\n"
	"schedscope.agent=ttyS1 on the kernel's command line where there is no port, and without any goes on reaping. By itself it ends then.\n"
	"\n"
	"examples:\n"
	"  exec schedscope-agent                         the last line of a guest's /init\n"
	"  schedscope-agent --socket /tmp/agent.sock     on this machine, for a try\n"
	"\n"
	"exit status: 0 ended as asked, 1 failed, 2 wrong usage\n";

struct options {
	const char *port, *device, *socket;
	int stdio;
	uint64_t wait, parent;
};

static int parse(struct options *o, int argc, char **argv)
{
	enum { PORT = 256, DEVICE, SOCKET, STDIO, WAIT, PARENT };
	static const struct option names[] = {
		{"port", 1, 0, PORT}, {"device", 1, 0, DEVICE}, {"socket", 1, 0, SOCKET}, {"stdio", 0, 0, STDIO},
		{"wait", 1, 0, WAIT}, {"parent", 1, 0, PARENT}, {"help", 0, 0, 'h'}, {0, 0, 0, 0},
	};
	int key, index = 0, rc = 0;
	while ((key = getopt_long(argc, argv, "h", names, &index)) != -1) {
		switch (key) {
		case PORT: o->port = optarg; break;
		case DEVICE: o->device = optarg; break;
		case SOCKET: o->socket = optarg; break;
		case STDIO: o->stdio = 1; break;
		case WAIT: rc = ss_parse_number(optarg, 3600000, &o->wait); break;
		case PARENT: rc = ss_parse_number(optarg, INT32_MAX, &o->parent); break;
		case 'h': fputs(help, stdout); exit(0);
		default: fputs("Try --help.\n", stderr); return 2;
		}
		if (rc < 0) {
			fprintf(stderr, "schedscope-agent: --%s: found \"%s\", not understood or out of range\nTry --help.\n", names[index].name, optarg);
			return 2;
		}
	}
	/* A kernel hands words of its command line that it does not know to process 1. */
	if (optind < argc && getpid() != 1) {
		fprintf(stderr, "schedscope-agent: found \"%s\", which is no option\nTry --help.\n", argv[optind]);
		return 2;
	}
	return 0;
}

static void say(const char *format, const char *one, const char *two)
{
	fputs("schedscope-agent: ", stderr);
	fprintf(stderr, format, one, two);
	fputc('\n', stderr);
}

/* Makes the rest of the kernel's command line's schedscope.agent= a path. Returns NULL if there is none. */
static const char *device_of_kernel(void)
{
	static char line[4096], path[128];
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
	if (fd >= 0)
		close(fd);
	line[n < 0 ? 0 : n] = 0;
	const char *at = strstr(line, "schedscope.agent=");
	if (!at)
		return NULL;
	at += strlen("schedscope.agent=");
	snprintf(path, sizeof path, "%s%.*s", *at == '/' ? "" : "/dev/", (int)strcspn(at, " \n"), at);
	return path;
}

static int read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return -errno;
	char *got = fgets(line, (int)size, file);
	fclose(file);
	if (!got)
		return -EIO;
	line[strcspn(line, "\n")] = 0;
	return 0;
}

/* Opens the virtio-serial port whose name is `name`. Returns the file, or negative errno: -ENOENT if there is none. */
static int open_port(const char *name)
{
	DIR *ports = opendir("/sys/class/virtio-ports");
	if (!ports)
		return -errno;
	int fd = -ENOENT;
	for (struct dirent *entry; fd == -ENOENT && (entry = readdir(ports));) {
		char path[512], line[128];
		snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
		if (entry->d_name[0] == '.' || read_line(path, line, sizeof line) < 0 || strcmp(line, name))
			continue;
		char node[300];
		snprintf(node, sizeof node, "/dev/%s", entry->d_name);
		fd = open(node, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		fd = fd < 0 ? -errno : fd;
		unsigned major, minor;
		snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/dev", entry->d_name);
		/* A guest without devtmpfs. */
		if (fd == -ENOENT && !read_line(path, line, sizeof line) && sscanf(line, "%u:%u", &major, &minor) == 2 &&
		    !mknod(node, S_IFCHR | 0600, makedev(major, minor))) {
			fd = open(node, O_RDWR | O_CLOEXEC | O_NONBLOCK);
			fd = fd < 0 ? -errno : fd;
		}
	}
	closedir(ports);
	return fd;
}

static int open_device(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct termios t;
	if (fd < 0)
		return -errno;
	if (isatty(fd) && !tcgetattr(fd, &t)) {
		cfmakeraw(&t);
		t.c_cflag |= CLOCAL | CREAD;
		cfsetspeed(&t, B115200);
		tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	struct stat st;
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
	mode_t before = umask(0077);
	int rc = bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4) < 0 ? -errno : 0;
	umask(before);
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

static int is_asked_to_end(const struct ss_agent *a)
{
	return a->end == SS_END_POWER_OFF || a->end == SS_END_REBOOT;
}

/* Serves a port or a line again and again; while no host is there, looks for one at rising intervals. */
static void serve_line(struct ss_agent *a, int fd)
{
	int pause = 2;
	for (;;) {
		struct pollfd set = {.fd = fd, .events = POLLIN};
		/* A port without a host is readable all the time: what may be left in it is skipped when there is one. */
		if (poll(&set, 1, 0) > 0 && set.revents & POLLHUP) {
			ss_agent_wait(a, -1, pause);
			pause = pause < 50 ? pause * 2 : pause;
		} else {
			pause = 2;
			ss_agent_serve(a, fd, fd);
			/* A line that says it is closed and has no host all the same is not asked all the time. */
			if (a->end == SS_END_CLOSED)
				ss_agent_wait(a, -1, 2);
		}
		if (is_asked_to_end(a))
			return;
	}
}

static void serve_socket(struct ss_agent *a, int listener)
{
	while (!is_asked_to_end(a)) {
		if (!ss_agent_wait(a, listener, -1))
			continue;
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			continue;
		ss_agent_serve(a, fd, fd);
		close(fd);
	}
}

/* Opens what is to be served, as soon as it is there. Returns a file or negative errno. */
static int find_line(struct ss_agent *a, const struct options *o)
{
	static char transport[300];
	int fd = -ENOENT;
	for (uint64_t until = ss_agent_ms() + o->wait; fd < 0 && !is_asked_to_end(a); ss_agent_wait(a, -1, 5)) {
		const char *device = o->device;
		if (!device && (fd = open_port(o->port)) >= 0) {
			snprintf(transport, sizeof transport, "port %s", o->port);
			break;
		}
		if (!device && a->is_init && fd != -EBUSY)
			device = device_of_kernel();
		if (device && (fd = open_device(device)) >= 0) {
			snprintf(transport, sizeof transport, "device %s", device);
			break;
		}
		if (ss_agent_ms() >= until)
			break;
	}
	a->transport = transport;
	return fd;
}

static int serve(struct ss_agent *a, const struct options *o)
{
	int fd;
	if (o->stdio) {
		a->transport = "stdin and stdout";
		/* What programs and this one say by mistake must not get into the frames. */
		int in = fcntl(0, F_DUPFD_CLOEXEC, 3), out = fcntl(1, F_DUPFD_CLOEXEC, 3), null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (in < 0 || out < 0 || null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0) {
			say("stdin and stdout: %s%s", strerror(errno), "");
			return 1;
		}
		enum ss_agent_end end = ss_agent_serve(a, in, out);
		if (end == SS_END_BROKEN)
			say("%s%s", a->reason, "");
		return end == SS_END_BROKEN;
	}
	if (o->socket) {
		a->transport = "a unix socket";
		fd = listen_at(o->socket);
		if (fd < 0) {
			say("%s: %s", o->socket, strerror(-fd));
			return 1;
		}
		serve_socket(a, fd);
		close(fd);
		unlink(o->socket);
		return 0;
	}
	fd = find_line(a, o);
	if (fd >= 0) {
		serve_line(a, fd);
		close(fd);
		return 0;
	}
	if (!is_asked_to_end(a))
		say("%s: %s; nothing is served", o->device ? o->device : o->port, strerror(-fd));
	if (!a->is_init)
		return 1;
	while (!is_asked_to_end(a))
		ss_agent_wait(a, -1, -1);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {.port = SS_AGENT_PORT, .wait = 3000};
	static struct ss_agent agent;
	int is_init = getpid() == 1, rc = parse(&o, argc, argv);
	if (rc && !is_init)
		return rc;
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			break;
	if (o.parent && (rc = ss_die_with((pid_t)o.parent)) < 0) {
		say("--parent: %s%s", strerror(-rc), "");
		return 1;
	}
	if (is_init) {
		/* Ctrl-Alt-Del comes as SIGINT. */
		reboot(RB_DISABLE_CAD);
		setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 0);
	} else {
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	}
	rc = ss_agent_open(&agent, is_init);
	if (rc < 0) {
		say("%s%s", strerror(-rc), "");
		/* Without an agent the guest is of no use; an init that returns is a panic, which the host sees. */
		return 1;
	}
	rc = serve(&agent, &o);
	int power = agent.end;
	ss_agent_close(&agent);
	if (!is_init)
		return rc;
	sync();
	reboot(power == SS_END_REBOOT ? RB_AUTOBOOT : RB_POWER_OFF);
	/* No way to power off, as with acpi=off: stopping is what is left. */
	reboot(RB_HALT_SYSTEM);
	return 0;
}
