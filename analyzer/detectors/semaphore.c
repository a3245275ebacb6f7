// SPDX-License-Identifier: MIT
// semaphore-overpost: a semaphore that is used like a lock, by threads that take a permit and give it back themselves, gets
// more permits than it began with, or loses one with a thread that ends.
//
// Most semaphores are no locks: consumers take what producers post. So nothing is said of a semaphore that a thread posts
// which never takes from it, nor where the initial value was not seen (named, process-shared) or events were lost. What a
// thread takes and another user gives back is fine as long as the value never passes the initial one.
#include "detector.h"
#include "rules.h"

const struct rule rule_semaphore_overpost = {
    .id = "semaphore-overpost",
    .level = LEVEL_ERROR,
    .summary = "A bounded semaphore is posted past its bound, or a permit is not given back",
    .help = "Post exactly once for each wait, on every way out of the function.",
};

struct user {
    uint32_t thread_id;
    unsigned permits; // taken and not given back
    unsigned taken;   // ever
    uint32_t take_stack;
    uint32_t post_stack; // of the last permit given back
};

// A permit nobody gave back, or a post too many.
struct slip {
    struct user user;
    uint32_t stack; // where the thread ended, or the post
};

struct book {
    const struct model_object *object;
    int64_t value;
    unsigned given_back; // posts by holders
    bool handed_over;    // posted by somebody who never takes
    bool told;           // an overpost is reported
    GHashTable *users;   // thread.id -> struct user
    struct slip *extra;  // the first post by a user that held none; NULL: there was none
    GArray *lost;        // of struct slip
};

struct semaphore {
    struct detection *detection;
    GHashTable *books;   // object.id -> struct book
    unsigned *n_permits; // by thread id
};

static void free_book(void *data)
{
    struct book *book = data;
    g_hash_table_unref(book->users);
    g_array_unref(book->lost);
    g_free(book->extra);
    g_free(book);
}

static void *begin(struct detection *detection)
{
    struct semaphore *state = g_new0(struct semaphore, 1);
    state->detection = detection;
    state->books = g_hash_table_new_full(NULL, NULL, NULL, free_book);
    state->n_permits = g_new0(unsigned, detection->model->threads->len + 1);
    return state;
}

static struct book *need_book(struct semaphore *state, const struct model_object *object)
{
    struct book *book = g_hash_table_lookup(state->books, GUINT_TO_POINTER(object->row.id));
    if (book)
        return book;
    if (!(object->row.flags & OBJECT_BY_INIT) || object->row.value == 0 ||
        object->row.flags & (OBJECT_NAMED | OBJECT_PROCESS_SHARED))
        return NULL;
    book = g_new0(struct book, 1);
    book->object = object;
    book->value = (int64_t)object->row.value;
    book->users = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    book->lost = g_array_new(false, false, sizeof(struct slip));
    g_hash_table_insert(state->books, GUINT_TO_POINTER(object->row.id), book);
    return book;
}

static struct user *find_user(const struct book *book, uint32_t thread_id)
{
    return g_hash_table_lookup(book->users, GUINT_TO_POINTER(thread_id));
}

static void take(struct semaphore *state, struct book *book, const struct replay_step *step)
{
    struct user *user = find_user(book, step->ordered->thread_id);
    if (!user) {
        user = g_new0(struct user, 1);
        user->thread_id = step->ordered->thread_id;
        g_hash_table_insert(book->users, GUINT_TO_POINTER(user->thread_id), user);
    }
    book->value--;
    user->taken++;
    user->permits++;
    user->take_stack = step->event->stack ? step->event->stack : step->thread->request.stack;
    state->n_permits[user->thread_id]++;
}

static struct finding *new_finding(const struct semaphore *state, const struct book *book,
    const struct slip *slip, enum finding_level level, const char *how)
{
    const struct model *model = state->detection->model;
    struct finding *finding = finding_new(model, &rule_semaphore_overpost, level);
    finding_add_step(
        finding, slip->user.thread_id, "take-permit", book->object, slip->user.take_stack, NULL, 0);
    g_autofree char *take = fingerprint_stack(model, slip->user.take_stack);
    g_autofree char *stack = fingerprint_stack(model, slip->stack);
    g_autofree char *parts = g_strdup_printf("%s\n%s\n%s\n%s", how, book->object->fingerprint, take, stack);
    finding_set_id(finding, parts);
    return finding;
}

static void report_extra(struct semaphore *state, struct book *book)
{
    const struct slip *slip = book->extra;
    struct finding *finding = new_finding(state, book, slip, LEVEL_ERROR, "overpost");
    if (slip->user.post_stack)
        finding_add_step(finding, slip->user.thread_id, "post", book->object, slip->user.post_stack, NULL, 0);
    finding_add_step(finding, slip->user.thread_id, "post", book->object, slip->stack, NULL, 0);
    finding->site_stack = slip->stack;
    g_autofree char *label = finding_thread_label(finding, slip->user.thread_id);
    finding_set_message(
        finding, g_strdup_printf("%s posts '%s' once more than it has waited: the semaphore has more permits "
                                 "than the %" G_GUINT64_FORMAT " it began with",
                     label, book->object->label, book->object->row.value));
    finding_list_add(state->detection->findings, finding);
    book->told = true;
}

static void post(struct semaphore *state, struct book *book, const struct replay_step *step)
{
    struct user *user = find_user(book, step->ordered->thread_id);
    book->value++;
    if (user && user->permits) {
        user->permits--;
        user->post_stack = step->event->stack;
        book->given_back++;
        state->n_permits[user->thread_id]--;
    } else if (!user) {
        book->handed_over = true;
    } else if (!book->extra) {
        book->extra = g_new(struct slip, 1);
        *book->extra = (struct slip){ *user, step->event->stack };
    }
    if (book->extra && !book->told && !book->handed_over && book->given_back &&
        book->value > (int64_t)book->object->row.value)
        report_extra(state, book);
}

static void end_thread(struct semaphore *state, const struct replay_step *step)
{
    uint32_t id = step->ordered->thread_id;
    if (!step->thread->ended || !state->n_permits[id])
        return;
    GHashTableIter each;
    void *value;
    g_hash_table_iter_init(&each, state->books);
    while (g_hash_table_iter_next(&each, NULL, &value)) {
        struct book *book = value;
        const struct user *user = find_user(book, id);
        if (!user || !user->permits)
            continue;
        struct slip slip = { *user, step->thread->end_stack };
        g_array_append_val(book->lost, slip);
    }
}

// The end of a semaphore, or of the trace: what has not been given back by now never will be.
static void close_book(struct semaphore *state, struct book *book)
{
    if (book->handed_over || book->extra || !book->given_back)
        return;
    for (unsigned i = 0; i < book->lost->len; i++) {
        const struct slip *slip = &g_array_index(book->lost, struct slip, i);
        struct finding *finding = new_finding(state, book, slip, LEVEL_WARNING, "lost");
        finding_add_step(finding, slip->user.thread_id, "end", book->object, slip->stack, NULL, 0);
        finding->site_stack = slip->user.take_stack;
        g_autofree char *label = finding_thread_label(finding, slip->user.thread_id);
        finding_set_message(finding,
            g_strdup_printf("%s ends and does not give back a permit of '%s'", label, book->object->label));
        finding_list_add(state->detection->findings, finding);
    }
}

static void end_object(struct semaphore *state, uint32_t object_id)
{
    struct book *book = g_hash_table_lookup(state->books, GUINT_TO_POINTER(object_id));
    if (!book)
        return;
    close_book(state, book);
    GHashTableIter each;
    void *user;
    g_hash_table_iter_init(&each, book->users);
    while (g_hash_table_iter_next(&each, NULL, &user))
        state->n_permits[((struct user *)user)->thread_id] -= ((struct user *)user)->permits;
    g_hash_table_remove(state->books, GUINT_TO_POINTER(object_id));
}

static void event(void *data, const struct replay_step *step)
{
    struct semaphore *state = data;
    if (step->event->kind == EVENT_NONE)
        end_thread(state, step);
    if (!step->object || step->object->row.kind != OBJECT_SEMAPHORE || state->detection->model->n_lost)
        return;
    if (step->event->kind == EVENT_DESTROY || step->event->kind == EVENT_OBJECT_END) {
        if (!step->ordered->refused)
            end_object(state, step->object->row.id);
        return;
    }
    struct book *book = need_book(state, step->object);
    if (book && step->event->kind != EVENT_POST)
        take(state, book, step);
    else if (book && !step->ordered->refused)
        post(state, book, step);
}

static void finish(void *data)
{
    struct semaphore *state = data;
    GHashTableIter each;
    void *book;
    g_hash_table_iter_init(&each, state->books);
    while (g_hash_table_iter_next(&each, NULL, &book))
        close_book(state, book);
    g_hash_table_unref(state->books);
    g_free(state->n_permits);
    g_free(state);
}

const struct detector detector_semaphore = {
    .name = "semaphore",
    .kinds = DETECTOR_SEES(EVENT_NONE) | DETECTOR_SEES(EVENT_POST) | DETECTOR_SEES(EVENT_DESTROY) |
             DETECTOR_SEES(EVENT_OBJECT_END) | DETECTOR_SEES(EVENT_ACQUIRE) |
             DETECTOR_SEES(EVENT_ACQUIRE_TIMED) | DETECTOR_SEES(EVENT_ACQUIRE_TRY),
    .not_plain =
        DETECTOR_SEES(EVENT_ACQUIRE) | DETECTOR_SEES(EVENT_ACQUIRE_TIMED) | DETECTOR_SEES(EVENT_ACQUIRE_TRY),
    .begin = begin,
    .event = event,
    .finish = finish,
};
