// Records of a producer's publishes, for the tests of whoever measures or writes them.
#pragma once

#include "agents/protocol/record.hpp"

namespace troop::controller::test {

inline constexpr std::int64_t ms = 1'000'000;

inline protocol::Record publish(protocol::RecordKind kind, std::uint64_t op, std::int64_t time, std::int64_t intended,
                                protocol::RecordError error = protocol::RecordError::none) {
  protocol::Record record;
  record.kind = kind;
  record.op = op;
  record.time = time;
  record.intended = intended;
  record.error = error;
  record.seq = op;
  record.producer = 1;
  record.attempt = 1;
  return record;
}

}  // namespace troop::controller::test
