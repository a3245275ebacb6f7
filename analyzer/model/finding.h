// SPDX-License-Identifier: MIT
// What a detector has found: a rule, a sentence, and the story that proves it. Report formats read it, nothing else.
#ifndef TRENZA_FINDING_H
#define TRENZA_FINDING_H

#include "held_set.h"
#include "model.h"

enum finding_level {
    LEVEL_NOTE,
    LEVEL_WARNING,
    LEVEL_ERROR,
};
const char *finding_level_name(enum finding_level level);

struct rule {
    const char *id;
    const char *summary; // one line
    const char *help;    // what to do about it
    enum finding_level level; // of most of its findings
    const char *precision;    // "very-high", "high", "medium", "low": how often it is right; NULL: "high"
};

struct finding_step {
    uint32_t thread_id;
    const char *action;                // "acquire", "request-shared", "end" ...: static
    const struct model_object *object; // NULL: none
    uint32_t other_thread;             // created, joined ...; 0: none
    uint32_t stack;
    const struct model_object **holding; // owned; what the thread held just before
    unsigned n_holding;
};

struct finding {
    char *id;    // stable across runs, machines and load addresses
    char *parts; // what it is made of besides the rule
    const struct rule *rule;
    const struct model *model; // the trace it was found in; must outlive the finding
    enum finding_level level;
    const char *verdict; // static; NULL: the rule has none
    const char *reason;  // static; why it is impossible; else NULL
    const char *note;    // static; what the verdict could not take into account; NULL: nothing
    char *message;       // one sentence
    uint32_t site_stack; // where to look first
    GPtrArray *objects;  // of const struct model_object *, as they appear
    GPtrArray *threads;  // of const struct model_thread *, as they appear
    GArray *steps;       // of struct finding_step
    GArray *witness;     // of struct finding_step; empty: none
    unsigned witness_left_out; // steps of it that say little and were left out
    GPtrArray *programs; // of char *: executables it was found in; filled when it joins a list
    unsigned instances;  // how often it was found; 0 and 1: once
    bool steered; // the program was run again, steered, to reach it
    bool suppressed;
    bool baseline;
};

struct finding *finding_new(const struct model *model, const struct rule *rule, enum finding_level level);
void finding_free(struct finding *finding);
// Takes message over.
void finding_set_message(struct finding *finding, char *message);
// Adds a step to the story, and its thread and object to those of the finding. What the thread held is copied from the
// first n_held of held; NULL: nothing.
void finding_add_step(struct finding *finding, uint32_t thread_id, const char *action,
    const struct model_object *object, uint32_t stack, const struct hold *held, unsigned n_held);

// An object's label, told apart from others of the same label in this finding ("mutex at a.c:3 #2"); the caller frees it.
char *finding_object_label(const struct finding *finding, const struct model_object *object);
// "'worker'", or "thread 'worker' (3)" when the finding has another one of that name; the caller frees it.
char *finding_thread_label(const struct finding *finding, uint32_t thread_id);

// Text that identifies a place in the code whatever its addresses and lines: module, function and file of the innermost
// frames that are not a system header's. The caller frees it.
char *fingerprint_stack(const struct model *model, uint32_t stack_id);
// Sets the id from the rule and text made of such parts.
void finding_set_id(struct finding *finding, const char *parts);

// Changes the verdict of a cycle that could happen by what became of a steered re-run.
void finding_set_steered(struct finding *finding, bool reached);
// The same by what the trace says of it, if it does.
void finding_look_for_steering(struct finding *finding);

struct finding_list {
    GPtrArray *all;    // of struct finding *, in order of discovery
    GHashTable *by_id; // id -> struct finding *
};
struct finding_list *finding_list_new(void);
void finding_list_free(struct finding_list *list);
// Takes the finding over; when there is one of the same id already, that one counts one instance more.
void finding_list_add(struct finding_list *list, struct finding *finding);
// Moves all findings of from to list.
void finding_list_move(struct finding_list *list, struct finding_list *from);
// Strongest first, then by place and id: the same order for the same findings.
void finding_list_sort(struct finding_list *list);

#endif
