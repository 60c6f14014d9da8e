#include "scenarios/model/host_name.hpp"

#include <gtest/gtest.h>

#include <string>

namespace troop::model {
namespace {

TEST(HostName, is_what_the_name_service_may_know) {
  for (const char* name : {"db.example.com", "DB-1.example", "1a.2b.c3", "a.b", "3com.com", "xn--bcher-kva.example"}) {
    EXPECT_TRUE(is_dns_name(name)) << name;
  }
  EXPECT_TRUE(is_dns_name(std::string(63, 'a') + ".b"));
}

TEST(HostName, is_nothing_that_could_be_something_else) {
  for (const char* text : {"",
                           "db",
                           "localhost",
                           ".",
                           "a.",
                           ".a",
                           "a..b",
                           "-a.b",
                           "a-.b",
                           "a.-b",
                           "a_b.c",
                           "a b.c",
                           "10.0.0.300",
                           "10.0.0.1",
                           "1.2",
                           "::1",
                           "::1%lo.x",
                           "10.0.0.1/8",
                           "a.b; flush ruleset",
                           "$(reboot).x",
                           "*.example.com",
                           "b\xc3\xbc.de",
                           "a.b\n"}) {
    EXPECT_FALSE(is_dns_name(text)) << text;
  }
  EXPECT_FALSE(is_dns_name(std::string(64, 'a') + ".b"));
}

TEST(HostName, has_253_characters_at_most) {
  std::string name = "a";
  while (name.size() < 253) name += name.size() % 2 == 1 ? "." : "a";
  ASSERT_EQ(name.size(), 253U);
  EXPECT_TRUE(is_dns_name(name));
  EXPECT_FALSE(is_dns_name(name + "a"));
}

}  // namespace
}  // namespace troop::model
