/*
 * What Go and the window say to each other. Texts are UTF-8. Calls from Go
 * return at once and may come from any thread; what they ask for happens on the
 * main thread, in their order. Calls to Go come from the main thread, and
 * return at once as well.
 */
#ifndef LATCHKEY_PANEL_H
#define LATCHKEY_PANEL_H

#include <stddef.h>
#include <stdint.h>

struct panel;

/* A panel without a window: that comes with the first view. NULL where there is
 * no application to draw in. owner is handed back with every call to Go. */
struct panel *panel_open(uintptr_t owner);
/* Draws a view, which is JSON as view.go has it. */
void panel_draw(struct panel *, const char *json, size_t length);
/* Changes the one line that counts down. */
void panel_count(struct panel *, const char *text, size_t length);
/* Takes the window away. Nothing of the panel may be used after it; Go is told
 * by latchkeyPanelGone. */
void panel_close(struct panel *);

/* The person's languages, the preferred one first, with line ends between them,
 * into text, which has room for that many bytes. Returns how many it wrote. */
size_t panel_languages(char *text, size_t room);

/* In Go: the person pressed something. event is JSON as view.go has it. */
extern void latchkeyPanelEvent(uintptr_t owner, char *json, size_t length);
/* In Go: there is no window any more, and owner is handed back no more. */
extern void latchkeyPanelGone(uintptr_t owner);

#endif
