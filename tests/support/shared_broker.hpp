// One broker for all tests of a suite, which tests/CMakeLists.txt names after TOGETHER so that they run in one process:
// starting RabbitMQ takes longer than most of them. After each test it must be as it was before the first.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "common/error.hpp"

namespace troop::test {

/// `Broker`: PrivateBroker, or what has one.
template <class Broker>
class SharedBroker {
 public:
  /// Before each test: starts it where there is none. What could not be started once is not tried again.
  Result<void> start() {
    if (broker_ != nullptr) return success();
    if (unavailable_) return Error{ErrorKind::lost, "no broker could be started before"};
    unavailable_ = true;
    BOOST_OUTCOME_TRY(auto broker, Broker::start());
    BOOST_OUTCOME_TRY(before_, broker->state());
    broker_ = std::move(broker);
    unavailable_ = false;
    return success();
  }
  /// After each test, once it took away what it had made. Where anything else is left, this test has failed, and the
  /// next one gets a new broker.
  void expect_as_before() {
    if (broker_ == nullptr) return;
    const auto after = broker_->state();
    EXPECT_TRUE(after) << after.error().context;
    if (after) {
      EXPECT_EQ(after.value(), before_) << "the test leaves the broker changed";
    }
    if (!after || after.value() != before_) end();
  }
  /// After the last test.
  void end() { broker_.reset(); }

  Broker& operator*() { return *broker_; }
  Broker* operator->() { return broker_.get(); }

 private:
  std::unique_ptr<Broker> broker_;
  bool unavailable_ = false;
  std::string before_;
};

}  // namespace troop::test
