// SPDX-License-Identifier: MIT
// A model made of parts of others: what a story needs that several runs tell together. Ids are its own.
#ifndef TRENZA_UNITED_MODEL_H
#define TRENZA_UNITED_MODEL_H

#include "model.h"

struct united_model;
struct united_model *united_model_new(void);
void united_model_free(struct united_model *united);
// Refers to the strings of all models that anything was taken from: they must outlive it.
const struct model *united_model_get(const struct united_model *united);

// Each takes a row of another model and what it refers to, once. The new id; 0: there is no such row.
uint32_t united_model_stack(struct united_model *united, const struct model *from, uint32_t id);
uint32_t united_model_thread(struct united_model *united, const struct model *from, uint32_t id);
// The id in the model it was taken from; 0: there is no such row, or it is of another model.
uint32_t united_model_stack_origin(const struct united_model *united, const struct model *from, uint32_t id);
uint32_t united_model_thread_origin(const struct united_model *united, const struct model *from, uint32_t id);
// Locks of one class are one here, whatever run they are of.
const struct model_object *united_model_object(
    struct united_model *united, const struct model *from, const struct model_object *object);

#endif
