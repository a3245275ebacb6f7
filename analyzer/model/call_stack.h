// SPDX-License-Identifier: MIT
// A recorded stack as people read it: inlined functions are frames of their own, Trenza's hooks at the inner end and libc's
// start code at the outer end are left out.
#ifndef TRENZA_CALL_STACK_H
#define TRENZA_CALL_STACK_H

#include "model.h"

// Strings belong to the model.
struct call_frame {
    const char *function; // NULL: not known
    const char *file;     // as the compiler wrote it; NULL: not known
    int64_t line;         // 0: not known
    const char *module;   // file name without its directories; NULL: code outside every module
    uint64_t offset;      // in the module
    bool inlined;
};

// Appends the frames of a stack to ret_frames (of struct call_frame), innermost first.
void call_stack_frames(const struct model *model, uint32_t stack_id, GArray *ret_frames);
// The frame.id of the call that was recorded: the innermost that is not Trenza's own. 0: none.
uint32_t call_stack_top(const struct model *model, uint32_t stack_id);
// The frame that says best where this happened: the innermost that is not in a system header. False: no frame at all.
bool call_stack_site(const struct model *model, uint32_t stack_id, struct call_frame *ret_site);
// The same over frames already made.
const struct call_frame *call_stack_site_of(const GArray *frames);
// True for frames that say little: the C++ library's wrappers around locks.
bool call_frame_is_system(const struct call_frame *frame);

// The file as shown: relative to the directory the program ran in when it is below it. Points into the frame's string.
const char *call_frame_file(const struct model *model, const struct call_frame *frame);
// libc and the loader: mostly stripped, and nobody's bug. module: without its directories; NULL is allowed.
bool call_stack_module_is_libc(const char *module);
// The last part of a path. Points into it; NULL stays NULL.
const char *path_base(const char *path);
// "f (queue.c:30)", "f (libx.so+0x1234)" ...; the caller frees it.
char *call_frame_text(const struct model *model, const struct call_frame *frame);

#endif
