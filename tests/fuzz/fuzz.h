/* A target: one function, called with one input after the other. Seeds lie in corpus/TARGET/. */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
