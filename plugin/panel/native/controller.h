/* One panel, from its first view to its close. */
#ifndef LATCHKEY_PANEL_CONTROLLER_H
#define LATCHKEY_PANEL_CONTROLLER_H

#include "content.h"
#include "panel.h"
#include "window.h"

/* The panel on the main thread. Go holds one reference, as struct panel. */
@interface LatchkeyPanel : NSObject <LatchkeyKeys>
{
    uintptr_t owner;
    LatchkeyWindow *window;
    LatchkeyPort *port;
    LatchkeyContent *content;
    NSDictionary *view;
    CGFloat zoom;
    NSMutableArray *pending; /* views that came while another was being built */
    BOOL capsLock, building, over;
    NSString *failure; /* why the machine could not be restarted */
}
- (id)initOwner:(uintptr_t)reference;
- (void)draw:(NSData *)json;
- (void)count:(NSString *)text;
- (void)close:(id)nothing;
@end

#endif
