#include "common/error.hpp"

#include <gmock/gmock.h>

#include <cerrno>

namespace troop {
namespace {

using testing::EndsWith;

Result<int> half(int value) {
  if (value % 2 != 0) return usage_error("odd");
  return value / 2;
}

Result<int> quarter(int value) {
  BOOST_OUTCOME_TRY(const int once, half(value));
  return half(once);
}

TEST(ErrorTest, PutsTheOuterContextFirst) {
  const Error error = usage_error("no such key").within("line 3").within("stop.toml");
  EXPECT_EQ(error.context, "stop.toml: line 3: no such key");
  EXPECT_EQ(error.kind, ErrorKind::usage);
}

TEST(ErrorTest, KeepsItsKindAndOriginOnTheWayOut) {
  const auto line = std::source_location::current().line() + 1;
  const Error error = system_error(ErrorKind::unrestored, "kill", ESRCH);
  EXPECT_EQ(error.origin.line(), line);
  EXPECT_THAT(error.origin.file_name(), EndsWith("error_test.cpp"));
  const Error outer = Error{error}.within("broker");
  EXPECT_EQ(outer.origin.line(), line);
  EXPECT_EQ(outer.kind, ErrorKind::unrestored);
}

TEST(ErrorTest, SaysWhatErrnoMeans) {
  EXPECT_EQ(system_error(ErrorKind::usage, "mkdir /x", ENOSPC).context, "mkdir /x: No space left on device");
}

TEST(ResultTest, HandsTheFirstErrorToTheCaller) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().context, "odd");
  EXPECT_EQ(quarter(3).error().context, "odd");
}

}  // namespace
}  // namespace troop
