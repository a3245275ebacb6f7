// SPDX-License-Identifier: MIT
// Reads the head of a program that is about to be run. The loader preloads nothing into a program that has no loader
// (static) or more rights than its user (setuid, file capabilities), and what has lost its way to the recorder's socket
// cannot come either. A script is what its interpreter is.
//
// Plain system calls and the caller's stack only: this runs in children of vfork and between fork and exec.
// Blind spot: a security module's own rules for what counts as secure.
#include "unseen.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "environment.h"
#include "handshake.h"
#include "sys.h"

#define SCRIPTS_DEEP 4 // the kernel's own limit on interpreters that are scripts

union head {
    Elf64_Ehdr elf;
    char bytes[256];
};

static bool is_program(int directory, const char *path, struct stat *status)
{
    const int flags = path[0] == '\0' ? AT_EMPTY_PATH : 0;
    return SYS6(SYS_newfstatat, directory, path, status, flags, 0, 0) == 0 && S_ISREG(status->st_mode) &&
           (status->st_mode & 0111) != 0;
}

// Where rights are not given, set-user-id programs are as others.
static bool gives_no_rights(int fd)
{
    struct statfs filesystem;
    return SYS6(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0) == 1 ||
           (SYS3(SYS_fstatfs, fd, &filesystem, 0) == 0 && (filesystem.f_flags & ST_NOSUID) != 0);
}

static bool has_more_rights(int fd, const struct stat *status)
{
    const uid_t user = (uid_t)SYS3(SYS_geteuid, 0, 0, 0);
    const gid_t group = (gid_t)SYS3(SYS_getegid, 0, 0, 0);
    const bool other_user = (status->st_mode & S_ISUID) != 0 && status->st_uid != user;
    const bool other_group =
        (status->st_mode & S_ISGID) != 0 && (status->st_mode & S_IXGRP) != 0 && status->st_gid != group;
    return (other_user || other_group) && !gives_no_rights(fd);
}

static bool is_capable(int fd)
{
    return SYS3(SYS_geteuid, 0, 0, 0) != 0 &&
           SYS6(SYS_fgetxattr, fd, "security.capability", NULL, 0, 0, 0) > 0 && !gives_no_rights(fd);
}

static bool has_loader(int fd, const Elf64_Ehdr *elf)
{
    for (unsigned i = 0; i < elf->e_phnum; i++) {
        Elf64_Phdr part;
        const uint64_t at = elf->e_phoff + (uint64_t)i * elf->e_phentsize;
        if (SYS6(SYS_pread64, fd, &part, sizeof part, at, 0, 0) != sizeof part || part.p_type == PT_INTERP)
            return true;
    }
    return false;
}

static enum wire_unseen of_elf(int fd, const Elf64_Ehdr *elf)
{
#if defined __x86_64__
    const unsigned machine = EM_X86_64;
#else
    const unsigned machine = EM_AARCH64;
#endif
    if (elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_machine != machine)
        return WIRE_UNSEEN_FOREIGN;
    return has_loader(fd, elf) ? WIRE_SEEN : WIRE_UNSEEN_STATIC;
}

// The interpreter that a line #! names, in the head's own bytes; NULL: there is none.
static const char *interpreter_in(union head *head, long size)
{
    char *bytes = head->bytes;
    if (size < 3 || bytes[0] != '#' || bytes[1] != '!')
        return NULL;
    bytes[size < (long)sizeof head->bytes ? size : (long)sizeof head->bytes - 1] = '\0';
    char *word = bytes + 2;
    while (*word == ' ' || *word == '\t')
        word++;
    char *end = word;
    while (*end != '\0' && *end != ' ' && *end != '\t' && *end != '\n')
        end++;
    *end = '\0';
    return word != end ? word : NULL;
}

// *ret_interpreter: where to go on looking.
static enum wire_unseen of_file(
    int fd, const struct stat *status, union head *head, const char **ret_interpreter)
{
    *ret_interpreter = NULL;
    if (has_more_rights(fd, status))
        return WIRE_UNSEEN_SETUID;
    const long size = SYS6(SYS_pread64, fd, head, sizeof *head, 0, 0, 0);
    if (size >= (long)sizeof head->elf && memcmp(head->bytes, ELFMAG, SELFMAG) == 0)
        return is_capable(fd) ? WIRE_UNSEEN_CAPABLE : of_elf(fd, &head->elf);
    *ret_interpreter = interpreter_in(head, size);
    return WIRE_SEEN;
}

static bool recorder_is_in_reach(void)
{
    return SYS3(SYS_faccessat, AT_FDCWD, session_path(), W_OK) == 0 &&
           SYS3(SYS_faccessat, AT_FDCWD, environment_library(), R_OK) == 0;
}

enum wire_unseen unseen_at(int directory, const char *path)
{
    union head head;
    enum wire_unseen unseen = WIRE_SEEN;
    struct stat status;
    if (path == NULL || !is_program(directory, path, &status))
        return WIRE_SEEN;
    for (int depth = 0; path != NULL && unseen == WIRE_SEEN && depth < SCRIPTS_DEEP; depth++) {
        if (depth > 0 && !is_program(AT_FDCWD, path, &status))
            break;
        // What may be run and not read can still be asked for its owner and mode.
        const bool itself = path[0] == '\0';
        long fd =
            itself ? directory : SYS6(SYS_openat, directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0, 0, 0);
        if (fd < 0)
            fd = SYS6(SYS_openat, directory, path, O_PATH | O_CLOEXEC, 0, 0, 0);
        if (fd < 0)
            break;
        unseen = of_file((int)fd, &status, &head, &path);
        if (!itself)
            sys_close((int)fd);
        directory = AT_FDCWD;
    }
    return unseen == WIRE_SEEN && !recorder_is_in_reach() ? WIRE_UNSEEN_OUT_OF_REACH : unseen;
}

static size_t longest_folder(const char *folders)
{
    size_t longest = 0;
    for (const char *end; folders != NULL; folders = *end != '\0' ? end + 1 : NULL) {
        end = strchrnul(folders, ':');
        if ((size_t)(end - folders) > longest)
            longest = (size_t)(end - folders);
    }
    return longest;
}

enum wire_unseen unseen_named(const char *file)
{
    struct stat status;
    if (file == NULL || strchr(file, '/') != NULL)
        return unseen_at(AT_FDCWD, file);
    const char *folders = getenv("PATH");
    if (folders == NULL)
        folders = "/bin:/usr/bin";
    char *path = __builtin_alloca(longest_folder(folders) + strlen(file) + 2);
    for (const char *end; folders != NULL; folders = *end != '\0' ? end + 1 : NULL) {
        end = strchrnul(folders, ':');
        char *at = mempcpy(path, folders, (size_t)(end - folders));
        if (end != folders)
            *at++ = '/';
        strcpy(at, file);
        if (is_program(AT_FDCWD, path, &status))
            return unseen_at(AT_FDCWD, path);
    }
    return WIRE_SEEN;
}
