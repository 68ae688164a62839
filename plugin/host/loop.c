#include "host.h"

#include <stdlib.h>

void loop_run(void (*serve)(void *state, uint8_t *bytes, size_t size), void *state)
{
    size_t size;
    uint8_t *bytes;

    while ((bytes = frame_receive(&size))) {
        serve(state, bytes, size);
        free(bytes);
    }
}
