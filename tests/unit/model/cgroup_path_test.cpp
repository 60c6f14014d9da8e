#include "scenarios/model/cgroup_path.hpp"

#include <gtest/gtest.h>

#include <string>

namespace troop::model {
namespace {

TEST(CgroupPaths, are_absolute_and_below_the_root) {
  for (const char* path : {"/a", "/system.slice/shop.service", "/user.slice/user-1000.slice/user@1000.service",
                           "/system.slice/system-a\\x2db.slice", "/...", "/.a", "/a/-b_c:d"}) {
    EXPECT_TRUE(is_cgroup_path(path)) << path;
  }
  for (const char* path : {"",      "/",    "a",    "a/b", "/a/", "//a",  "/a//b", "/.",    "/..",         "/a/..",
                           "/../a", "/a b", "/a\"", "/a'", "/a*", "/a$b", "/a;b",  "/a\nb", "/a(deleted)", "/ä"}) {
    EXPECT_FALSE(is_cgroup_path(path)) << path;
  }
  EXPECT_TRUE(is_cgroup_path("/" + std::string(254, 'a')));
  EXPECT_FALSE(is_cgroup_path("/" + std::string(255, 'a')));
}

}  // namespace
}  // namespace troop::model
