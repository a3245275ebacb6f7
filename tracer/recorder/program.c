// SPDX-License-Identifier: MIT
// A look at a program before it is run. A preloaded library is only ever loaded by the dynamic loader, and only where the
// loader trusts the environment: so a program without a loader (static) or with more rights than its user (setuid, file
// capabilities) runs as ever but unseen. For a script its interpreter is looked at.
//
// Blind spot: what that program starts in turn is not known beforehand.
#include "program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "recorder.h"

#define SCRIPTS_DEEP 4 // the kernel's own limit on interpreters that are scripts

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

// As execvp: a name without a slash is looked for along PATH; what is there but may not be run counts only if nothing else
// is found.
static char *find_program(const char *name, int *ret_failure)
{
    *ret_failure = ENOENT;
    if (strchr(name, '/')) {
        struct stat status;
        if (stat(name, &status) != 0)
            *ret_failure = errno;
        else if (!is_program(name))
            *ret_failure = EACCES;
        else
            return g_strdup(name);
        return NULL;
    }
    const char *path = g_getenv("PATH");
    g_auto(GStrv) folders = g_strsplit(path ? path : "/bin:/usr/bin", ":", -1);
    for (char **folder = folders; *name && *folder; folder++) {
        char *candidate = **folder ? g_strconcat(*folder, "/", name, NULL) : g_strconcat("./", name, NULL);
        if (is_program(candidate))
            return candidate;
        if (access(candidate, F_OK) == 0)
            *ret_failure = EACCES;
        g_free(candidate);
    }
    return NULL;
}

static const struct {
    const char *what;
    const char *format;
} reasons[WIRE_UNSEEN_REASONS] = {
    [WIRE_UNSEEN_STATIC] = { "static", "'%s' is statically linked, nothing can be preloaded into it" },
    [WIRE_UNSEEN_SETUID] = { "setuid",
        "'%s' is set-user-id or set-group-id, the loader preloads nothing into it" },
    [WIRE_UNSEEN_CAPABLE] = { "setuid", "'%s' has file capabilities, the loader preloads nothing into it" },
    [WIRE_UNSEEN_FOREIGN] = { "foreign", "'%s' is for another kind of machine or of 32 bits" },
    [WIRE_UNSEEN_ENVIRONMENT] = { "environment",
        "'%s' was begun with another environment, without what makes a program join the recording" },
    [WIRE_UNSEEN_OUT_OF_REACH] = { "out-of-reach",
        "'%s' runs as a user, or in a root, from where it cannot get at the recorder" },
};

const char *program_unseen_what(enum wire_unseen unseen)
{
    return unseen < WIRE_UNSEEN_REASONS ? reasons[unseen].what : NULL;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
char *program_unseen_detail(enum wire_unseen unseen, const char *name)
{
    g_autofree char *valid = g_utf8_make_valid(name, -1);
    return program_unseen_what(unseen) ? g_strdup_printf(reasons[unseen].format, valid) : NULL;
}
#pragma GCC diagnostic pop

static void cannot(struct program *program, enum wire_unseen unseen, const char *path)
{
    if (program->what)
        return;
    program->unseen = unseen;
    program->what = program_unseen_what(unseen);
    program->detail = program_unseen_detail(unseen, path);
}

// Where rights are not given, set-user-id programs are as others.
static bool gives_no_rights(int fd)
{
    struct statvfs filesystem;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
           (fstatvfs(fd, &filesystem) == 0 && filesystem.f_flag & ST_NOSUID);
}

static void look_at_rights(struct program *program, const char *path, int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return;
    bool other_user = status.st_mode & S_ISUID && status.st_uid != geteuid();
    bool other_group = status.st_mode & S_ISGID && status.st_mode & S_IXGRP && status.st_gid != getegid();
    bool capable = geteuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0;
    if ((other_user || other_group || capable) && !gives_no_rights(fd))
        cannot(program, capable ? WIRE_UNSEEN_CAPABLE : WIRE_UNSEEN_SETUID, path);
}

static bool has_loader(int fd, const Elf64_Ehdr *header)
{
    for (unsigned i = 0; i < header->e_phnum; i++) {
        Elf64_Phdr part;
        if (pread(fd, &part, sizeof part, (off_t)(header->e_phoff + i * header->e_phentsize)) != sizeof part)
            return true;
        if (part.p_type == PT_INTERP)
            return true;
    }
    return false;
}

static void look_at_elf(struct program *program, const char *path, int fd, const Elf64_Ehdr *header)
{
#if defined __x86_64__
    const unsigned machine = EM_X86_64;
#elif defined __aarch64__
    const unsigned machine = EM_AARCH64;
#else
#error "which machine is this?"
#endif
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != machine)
        cannot(program, WIRE_UNSEEN_FOREIGN, path);
    else if (!has_loader(fd, header))
        cannot(program, WIRE_UNSEEN_STATIC, path);
}

// The interpreter that a line #! names, or NULL.
static char *interpreter_of(const char *start, ssize_t size)
{
    if (size < 2 || start[0] != '#' || start[1] != '!')
        return NULL;
    g_autofree char *line = g_strndup(start + 2, (gsize)size - 2);
    char *word = line + strspn(line, " \t");
    word[strcspn(word, " \t\n")] = 0;
    return *word ? g_strdup(word) : NULL;
}

static void look_at_file(struct program *program, const char *path, int depth)
{
    union {
        Elf64_Ehdr header;
        char bytes[256];
    } start = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return;
    ssize_t size = read(fd, &start, sizeof start);
    look_at_rights(program, path, fd);
    bool elf = size >= SELFMAG && memcmp(start.bytes, ELFMAG, SELFMAG) == 0;
    program->elf |= elf && depth == 0;
    if (elf && size >= (ssize_t)sizeof start.header)
        look_at_elf(program, path, fd, &start.header);
    close(fd);
    g_autofree char *interpreter = interpreter_of(start.bytes, size);
    if (interpreter && depth < SCRIPTS_DEEP)
        look_at_file(program, interpreter, depth + 1);
}

enum wire_unseen program_unseen(const char *path)
{
    struct program program = { 0 };
    look_at_file(&program, path, 0);
    enum wire_unseen unseen = program.unseen;
    program_done(&program);
    return unseen;
}

bool program_look(const char *name, struct program *ret_program, GError **error)
{
    int failure;
    char *path = find_program(name, &failure);
    if (!path) {
        bool missing = failure == ENOENT || failure == ENOTDIR;
        g_set_error(error, RECORDER_ERROR, missing ? RECORDER_ERROR_NOT_FOUND : RECORDER_ERROR_CANNOT_RUN,
            "cannot run '%s': %s", name, g_strerror(failure));
        return false;
    }
    *ret_program = (struct program){ .path = path };
    look_at_file(ret_program, path, 0);
    return true;
}

void program_done(struct program *program)
{
    g_free(program->path);
    g_free(program->detail);
    *program = (struct program){ 0 };
}
