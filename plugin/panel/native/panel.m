//go:build cgo && (darwin || gnustep)

#include "controller.h"

@implementation LatchkeyPanel

- (id)initOwner:(uintptr_t)reference
{
    if ((self = [super init])) {
        owner = reference;
        pending = [[NSMutableArray alloc] init];
        zoom = 1;
    }
    return self;
}

- (void)dealloc
{
    [[NSNotificationCenter defaultCenter] removeObserver:self];
    [content release];
    [port release];
    [window release];
    [view release];
    [failure release];
    [pending release];
    [super dealloc];
}

/* ---- the window ---- */

- (void)watch:(NSString *)notification with:(SEL)method
{
    [[NSNotificationCenter defaultCenter] addObserver:self selector:method name:notification object:nil];
}

- (void)openWindow
{
    panel_application();
    window = [[LatchkeyWindow alloc] initKeys:self];
    port = [[LatchkeyPort alloc] initWithFrame:NSZeroRect];
    [window setContentView:port];
    capsLock = ([NSEvent modifierFlags] & NSAlphaShiftKeyMask) != 0;
    [self watch:NSApplicationDidChangeScreenParametersNotification with:@selector(displaysChanged:)];
    [self watch:NSWindowDidResizeNotification with:@selector(windowChanged:)];
    [self watch:NSWindowDidExposeNotification with:@selector(windowChanged:)];
    [self watch:@"NSTextInputContextKeyboardSelectionDidChangeNotification" with:@selector(keyboardChanged:)];
}

/* What helps to type letters: caps lock, and the name of the keyboard. */
- (NSString *)hint
{
    NSDictionary *words = [view objectForKey:@"words"];
    NSMutableArray *parts = [NSMutableArray array];
    if (capsLock)
        [parts addObject:[words objectForKey:@"capsLock"]];
    Class context = NSClassFromString(@"NSTextInputContext");
    if ([context respondsToSelector:@selector(localizedNameForInputSource:)]) {
        id current = [context performSelector:@selector(currentInputContext)];
        id source = [current performSelector:@selector(selectedKeyboardInputSource)];
        id name = source ? [context performSelector:@selector(localizedNameForInputSource:) withObject:source] : nil;
        if (name)
            [parts addObject:[NSString stringWithFormat:@"%@ %@", [words objectForKey:@"keyboard"], name]];
    }
    return [parts componentsJoinedByString:@"   "];
}

/* What was typed and where the focus was, to be put into the next content. */
- (NSDictionary *)kept
{
    if (!content)
        return [NSDictionary dictionary];
    LatchkeyButton *chosen = [content chosen];
    return [NSDictionary dictionaryWithObjectsAndKeys:[content values], @"values", [content nameOf:[window firstResponder]], @"focus",
               chosen ? [chosen name] : @"", @"chosen", nil];
}

- (void)putBack:(NSDictionary *)kept
{
    NSDictionary *values = [kept objectForKey:@"values"];
    for (LatchkeyEntry *entry in [content entries])
        if ([values objectForKey:[entry name]])
            [entry setValue:[values objectForKey:[entry name]]];
    id chosen = [content named:[kept objectForKey:@"chosen"]];
    if (chosen)
        [content choose:chosen];
}

- (void)focusOn:(id)one
{
    if (!one)
        return;
    [window makeFirstResponder:one];
    [port reveal:one margin:[one bounds].size.height * 1.5];
    id editor = [window firstResponder];
    if ([editor isKindOfClass:[NSTextView class]]) { /* the caret behind what stands there, and nothing marked */
        [editor setInsertionPointColor:[[content palette] ink:INK_TEXT]];
        [editor setSelectedRange:NSMakeRange([[editor string] length], 0)];
    }
    [self focusMayHaveMoved];
}

/* Takes the keyboard from what is about to go, and all that was typed from the
 * window's field editor. */
- (void)leaveFields
{
    [window endEditingFor:nil];
    [window makeFirstResponder:nil];
    NSTextView *editor = (NSTextView *)[window fieldEditor:NO forObject:nil];
    [editor setDelegate:nil];
    [editor setString:@""];
}

- (void)buildKeeping:(BOOL)keep
{
    NSDictionary *kept = keep ? [self kept] : nil;
    LatchkeyPalette *palette = [[[LatchkeyPalette alloc] initDark:panel_dark() scale:panel_text_scale() * zoom] autorelease];
    NSRect room = [[LatchkeyWindow display] visibleFrame];
    CGFloat width = [palette length:500];
    if (width > room.size.width - 40)
        width = room.size.width - 40;
    NSMutableDictionary *described = [NSMutableDictionary dictionaryWithDictionary:view];
    if (failure)
        [described setObject:failure forKey:@"remark"];
    [self leaveFields];
    [content end];
    [content autorelease]; /* one of its buttons may be what called */
    content = [[LatchkeyContent alloc] initWith:described palette:palette width:width hint:[self hint] target:self];
    [port show:[content ground] palette:palette];
    [window placeWithHeight:[[content ground] frame].size.height width:width];
    [port settle];
    [window setTitle:[view objectForKey:@"title"]]; /* VoiceOver names the window by it */
    [self putBack:kept];
    NSString *name = [[kept objectForKey:@"focus"] length] ? [kept objectForKey:@"focus"] : [view objectForKey:@"focus"];
    if ([[view objectForKey:@"remark"] length])
        name = [view objectForKey:@"focus"];
    id one = [content named:name];
    [self focusOn:one ? one : [content named:[view objectForKey:@"focus"]]];
    [window display]; /* once, when everything stands */
}

/* Builds everything anew: nothing of an earlier view can stay dimmed. Windows may
 * run the loop while they change, and what comes then has to wait. */
- (void)rebuildKeeping:(BOOL)keep
{
    if (building)
        return;
    building = YES;
    [self buildKeeping:keep];
    building = NO;
    if ([pending count] == 0)
        return;
    NSData *next = [[[pending objectAtIndex:0] retain] autorelease];
    [pending removeObjectAtIndex:0];
    [self draw:next];
}

- (void)draw:(NSData *)json
{
    if (over)
        return;
    if (building) {
        [pending addObject:json];
        return;
    }
    id read = [NSJSONSerialization JSONObjectWithData:json options:0 error:NULL];
    if (![read isKindOfClass:[NSDictionary class]])
        return;
    BOOL first = !window;
    if (first) {
        building = YES; /* opening may run the loop, and what comes then is newer than this */
        [self openWindow];
        building = NO;
    }
    [view release];
    view = [read retain];
    [failure release];
    failure = nil;
    [self rebuildKeeping:[[view objectForKey:@"keep"] boolValue]];
    if (first || ![window isKeyWindow]) {
        [NSApp activateIgnoringOtherApps:YES];
        [window orderFrontRegardless];
        [window makeKeyAndOrderFront:nil];
        [port setNeedsDisplay:YES]; /* a window that was not seen yet may have lost what was drawn */
        [window display];
    }
    if ([[view objectForKey:@"announce"] length])
        panel_announce(window, [view objectForKey:@"announce"]);
}

- (void)count:(NSString *)text
{
    [content setCount:text];
}

- (void)close:(id)nothing
{
    if (building) { /* later, and not before what is being built stands */
        [self performSelector:@selector(close:) withObject:nothing afterDelay:0.01];
        return;
    }
    over = YES;
    [[NSNotificationCenter defaultCenter] removeObserver:self];
    [window forget];
    [self leaveFields];
    [content end];
    [window orderOut:nil];
    [window close];
    latchkeyPanelGone(owner);
    [self release]; /* Go's */
}

- (void)displaysChanged:(NSNotification *)notification
{
    (void)notification;
    if (content)
        [self rebuildKeeping:YES];
}

- (void)windowChanged:(NSNotification *)notification
{
    if ([notification object] == window)
        [port setNeedsDisplay:YES];
}

- (void)keyboardChanged:(NSNotification *)notification { [self displaysChanged:notification]; }

/* ---- what the person does ---- */

- (void)tell:(NSString *)action
{
    LatchkeyButton *chosen = [content chosen];
    NSDictionary *event = [NSDictionary dictionaryWithObjectsAndKeys:[view objectForKey:@"seq"], @"seq", action, @"action",
        chosen ? [[chosen name] substringFromIndex:[@"choice " length]] : @"", @"choice", [content values], @"values", nil];
    NSData *json = [NSJSONSerialization dataWithJSONObject:event options:0 error:NULL];
    if (json)
        latchkeyPanelEvent(owner, (char *)[json bytes], [json length]);
}

- (void)pressed:(LatchkeyButton *)button
{
    [self tell:[[button name] substringFromIndex:[@"action " length]]];
}

- (void)chosen:(LatchkeyButton *)button
{
    [content choose:button];
    [self focusOn:button];
}

- (void)powered:(LatchkeyButton *)button
{
    if (panel_power([button name]))
        return;
    [failure release];
    failure = [[[view objectForKey:@"words"] objectForKey:@"powerFailed"] copy];
    [self rebuildKeeping:YES];
}

- (void)controlTextDidChange:(NSNotification *)notification
{
    for (LatchkeyEntry *entry in [content entries])
        if ([entry field] == [notification object])
            [entry tidy];
}

- (void)keyReturn
{
    id focused = [window firstResponder];
    if ([focused isKindOfClass:[LatchkeyButton class]] && [focused look] != LOOK_CHOICE) {
        [focused performClick:self];
        return;
    }
    NSArray *entries = [content entries];
    for (NSUInteger n = 0; n + 1 < [entries count]; n++)
        if ([[content nameOf:[[entries objectAtIndex:n] field]] isEqualToString:[content nameOf:focused]] &&
            [[[entries objectAtIndex:n + 1] value] length] == 0) {
            [self focusOn:[[entries objectAtIndex:n + 1] field]];
            return;
        }
    LatchkeyButton *first = [content buttonWithRole:@"default"];
    if (first)
        [self pressed:first];
    else if ([content chosen])
        [self tell:@"submit"];
}

- (void)keyEscape
{
    LatchkeyButton *cancel = [content buttonWithRole:@"cancel"];
    if (cancel)
        [self pressed:cancel];
}

- (void)keyContact
{
    id contact = [content named:@"action contact"];
    if (contact)
        [self pressed:contact];
}

- (void)keyTab:(int)by
{
    NSArray *order = [content order];
    if ([order count] == 0)
        return;
    NSInteger count = (NSInteger)[order count], at = -1;
    NSString *name = [content nameOf:[window firstResponder]];
    for (NSInteger n = 0; n < count; n++)
        if ([[content nameOf:[order objectAtIndex:n]] isEqualToString:name])
            at = n;
    [self focusOn:[order objectAtIndex:at < 0 ? 0 : (at + by + count) % count]];
}

- (BOOL)keyArrow:(int)by
{
    id focused = [window firstResponder];
    if (![focused isKindOfClass:[LatchkeyButton class]])
        return NO;
    [self keyTab:by];
    focused = [window firstResponder];
    if ([focused isKindOfClass:[LatchkeyButton class]] && [focused look] == LOOK_CHOICE)
        [content choose:focused];
    return YES;
}

- (void)keyZoom:(int)by
{
    zoom = by == 0 ? 1 : zoom + by * 0.25;
    zoom = zoom < 1 ? 1 : zoom > 2 ? 2 : zoom;
    [self rebuildKeeping:YES];
}

- (void)keyCapsLock:(BOOL)on
{
    if (on == capsLock)
        return;
    capsLock = on;
    [self rebuildKeeping:YES];
}

- (void)focusMayHaveMoved
{
    NSString *name = [content nameOf:[window firstResponder]];
    for (LatchkeyEntry *entry in [content entries])
        [entry setFocused:[[content nameOf:[entry field]] isEqualToString:name]];
}

@end
