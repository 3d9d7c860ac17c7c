//go:build cgo

#import <Foundation/Foundation.h>
#import <UserNotifications/UserNotifications.h>

#include "center_darwin.h"

// In Go.
extern void holdfast_center_pressed(char *name, char *button);

// The categories are the sets of buttons that a notification may have.
static NSString *const plainCategory = @"plain";
static NSString *const troubleCategory = @"trouble";

@interface HoldfastCenter : NSObject <UNUserNotificationCenterDelegate>
@end

@implementation HoldfastCenter

// The tray is never in front, but shows its notes as if it were.
- (void)userNotificationCenter:(UNUserNotificationCenter *)center
       willPresentNotification:(UNNotification *)notification
         withCompletionHandler:(void (^)(UNNotificationPresentationOptions))done {
  done(UNNotificationPresentationOptionBanner | UNNotificationPresentationOptionList);
}

- (void)userNotificationCenter:(UNUserNotificationCenter *)center
    didReceiveNotificationResponse:(UNNotificationResponse *)response
             withCompletionHandler:(void (^)(void))done {
  NSString *name = response.notification.request.identifier;
  if ([response.actionIdentifier isEqualToString:@"reconnect"]) {
    holdfast_center_pressed((char *)name.UTF8String, "reconnect");
  } else if (![response.actionIdentifier isEqualToString:UNNotificationDismissActionIdentifier]) {
    holdfast_center_pressed((char *)name.UTF8String, "open");
  }
  done();
}

@end

static HoldfastCenter *delegate;

int holdfast_center_open(const char *openLabel, const char *reconnectLabel) {
  // Outside of a bundle the centre throws.
  if (NSBundle.mainBundle.bundleIdentifier == nil) {
    return 0;
  }
  UNUserNotificationCenter *center = UNUserNotificationCenter.currentNotificationCenter;
  delegate = [[HoldfastCenter alloc] init];
  center.delegate = delegate;
  UNNotificationAction *open = [UNNotificationAction actionWithIdentifier:@"open" title:@(openLabel) options:UNNotificationActionOptionNone];
  UNNotificationAction *reconnect = [UNNotificationAction actionWithIdentifier:@"reconnect" title:@(reconnectLabel) options:UNNotificationActionOptionNone];
  UNNotificationCategory *plain = [UNNotificationCategory categoryWithIdentifier:plainCategory actions:@[open] intentIdentifiers:@[] options:UNNotificationCategoryOptionNone];
  UNNotificationCategory *trouble = [UNNotificationCategory categoryWithIdentifier:troubleCategory actions:@[open, reconnect] intentIdentifiers:@[] options:UNNotificationCategoryOptionNone];
  [center setNotificationCategories:[NSSet setWithObjects:plain, trouble, nil]];
  [center requestAuthorizationWithOptions:UNAuthorizationOptionAlert
                        completionHandler:^(BOOL granted, NSError *error) {
                        }];
  return 1;
}

void holdfast_center_show(const char *name, const char *title, const char *body, int urgency, int reconnect) {
  UNMutableNotificationContent *content = [[UNMutableNotificationContent alloc] init];
  content.title = @(title);
  content.body = @(body);
  content.categoryIdentifier = reconnect ? troubleCategory : plainCategory;
  if (@available(macOS 12.0, *)) {
    content.interruptionLevel = urgency == 0 ? UNNotificationInterruptionLevelPassive : UNNotificationInterruptionLevelActive;
  }
  UNNotificationRequest *request = [UNNotificationRequest requestWithIdentifier:@(name) content:content trigger:nil];
  [UNUserNotificationCenter.currentNotificationCenter addNotificationRequest:request
                                                       withCompletionHandler:^(NSError *error) {
                                                         if (error != nil) {
                                                           NSLog(@"holdfast: a notification is not shown: %@", error);
                                                         }
                                                       }];
}

void holdfast_center_close(const char *name) {
  UNUserNotificationCenter *center = UNUserNotificationCenter.currentNotificationCenter;
  [center removePendingNotificationRequestsWithIdentifiers:@[@(name)]];
  [center removeDeliveredNotificationsWithIdentifiers:@[@(name)]];
}
