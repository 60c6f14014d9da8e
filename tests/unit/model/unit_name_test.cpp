// Names of systemd's units.
#include "scenarios/model/unit_name.hpp"

#include <gtest/gtest.h>

#include <string>

namespace troop::model {
namespace {

TEST(UnitNameTest, IsAWholeNameOfSomethingWithProcesses) {
  for (const char* name : {"shop.service", "getty@tty1.service", "user-1000.slice", "session-2.scope",
                           "a\\x2db.service", "a:b_c.d.service"}) {
    EXPECT_TRUE(is_unit_name(name)) << name;
  }
  const std::string long_name = std::string(248, 'a') + ".service";
  for (const char* name : {"", "shop", ".service", "@.service", "getty@.service", "@tty1.service", "-H.service",
                           "*.service", "shop?.service", "[a-z].service", "a b.service", "a/b.service", "a;b.service",
                           "$(x).service", "a\nb.service", "reboot.target", "shop.timer", long_name.c_str()}) {
    EXPECT_FALSE(is_unit_name(name)) << name;
  }
  EXPECT_TRUE(is_unit_name(long_name.substr(1)));
}

TEST(UnitNameTest, MayBeThatOfAService) {
  EXPECT_TRUE(is_service_name("shop.service"));
  EXPECT_FALSE(is_service_name("user.slice"));
  EXPECT_FALSE(is_service_name("shop@.service"));
}

TEST(UnitNameTest, TellsWhatTheHostNeeds) {
  for (const char* name : {"systemd-journald.service", "systemd-udevd.service", "dbus.service", "dbus-broker.service",
                           "ssh.service", "sshd.service", "ssh@1.service", "sshd-keygen.service", "user@0.service",
                           "getty@tty1.service", "troop-agent.service"}) {
    EXPECT_TRUE(is_vital_service(name)) << name;
  }
  for (const char* name : {"shop.service", "sshop.service", "rabbitmq-server.service", "troop-shop.service"}) {
    EXPECT_FALSE(is_vital_service(name)) << name;
  }
}

}  // namespace
}  // namespace troop::model
