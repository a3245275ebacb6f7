// SPDX-License-Identifier: MIT
// Finds the file, or the kernel's own file behind an anonymous shared mapping, in /proc/self/maps, read with plain
// system calls into a buffer on the stack. Blind where /proc is not mounted: the object then stays its process's own.
#include "shared_place.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>

#include "sys.h"

struct maps_reader {
    int fd;
    char buffer[1024];
    size_t at;
    size_t end;
};

static int next_character(struct maps_reader *reader)
{
    if (reader->at == reader->end) {
        const long n = SYS3(SYS_read, reader->fd, reader->buffer, sizeof reader->buffer);
        if (n <= 0)
            return -1;
        reader->at = 0;
        reader->end = (size_t)n;
    }
    return (unsigned char)reader->buffer[reader->at++];
}

static int digit_of(int character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    return -1;
}

// Reads a number in `base` and the one character after it, which it returns.
static int read_number(struct maps_reader *reader, uint64_t base, uint64_t *ret_number)
{
    uint64_t number = 0;
    int character;
    while ((character = next_character(reader)) >= 0) {
        const int digit = digit_of(character);
        if (digit < 0)
            break;
        number = number * base + (uint64_t)digit;
    }
    *ret_number = number;
    return character;
}

struct map_line {
    uint64_t start, end, offset, major, minor, inode;
    bool shared;
};

// One line: start-end rwxs offset major:minor inode path. False at the end.
static bool read_line(struct maps_reader *reader, struct map_line *line)
{
    if (read_number(reader, 16, &line->start) < 0)
        return false;
    read_number(reader, 16, &line->end);
    char rights[5] = { 0 };
    for (int i = 0; i < 5; i++)
        rights[i] = (char)next_character(reader);
    line->shared = rights[3] == 's';
    read_number(reader, 16, &line->offset);
    read_number(reader, 16, &line->major);
    read_number(reader, 16, &line->minor);
    int character = read_number(reader, 10, &line->inode);
    while (character >= 0 && character != '\n')
        character = next_character(reader);
    return true;
}

void shared_place(uintptr_t address, struct wire_object *object)
{
    struct maps_reader reader = { 0 };
    reader.fd = (int)SYS6(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0, 0, 0);
    if (reader.fd < 0)
        return;
    struct map_line line;
    while (read_line(&reader, &line))
        if (address >= line.start && address < line.end) {
            if (line.shared) {
                object->device_major_minor = (uint32_t)(line.major << 20 | line.minor);
                object->inode = line.inode;
                object->file_offset = line.offset + (address - line.start);
            }
            break;
        }
    sys_close(reader.fd);
}
