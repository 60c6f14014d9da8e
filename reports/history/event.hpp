// One event of a history, as reports/history/README.md documents it. Text is borrowed: see whoever hands the event out.
#pragma once

#include <cstdint>
#include <string_view>

namespace troop::history {

enum class Type : std::uint8_t { invoke, ok, fail, info };

/// What the event is about; `other` is everything this version does not know and therefore skips.
enum class Subject : std::uint8_t {
  run,
  connection,
  publish,
  deliver,
  ack,
  nack,
  reject,
  sink,
  drain,
  effect,
  state,
  request,
  fault,
  probe,
  log,
  clock,
  other
};

/// A field that a history may lack is empty text, or -1.
struct Event {
  std::int64_t index = -1;
  std::int64_t time = 0;  ///< Nanoseconds since the run began.
  bool has_time = false;  ///< Histories from elsewhere may lack it.
  std::string_view process;
  Type type = Type::info;
  Subject f = Subject::other;
  std::string_view f_name;  ///< As written.
  std::int64_t op = -1;
  std::string_view error;

  std::string_view id;  ///< Text, or a number's digits; likewise `key` and `channel`.
  std::int64_t attempt = -1;
  std::string_view key;
  std::int64_t seq = -1;
  std::int64_t intended = -1;  ///< publish: when it was planned to be sent, nanoseconds since the run began.
  std::string_view exchange;
  bool has_exchange = false;  ///< "" names the default exchange, which is not the same as no exchange.
  std::string_view routing_key;
  std::string_view queue;
  std::string_view producer;
  std::string_view channel;
  std::int64_t tag = -1;
  bool redelivered = false;
  bool multiple = false;
  bool requeue = false;
  std::string_view ack;  ///< deliver: "none" where the consumer does not acknowledge.

  std::string_view name;  ///< fault, probe: which.
  std::string_view target;
  std::string_view phase;   ///< fault, run: "start" or "stop".
  std::string_view reason;  ///< run stop: "completed", or why it ended early.
  std::string_view value;   ///< sink: the reason; else raw JSON text of the field.
  std::string_view line;    ///< The whole line as JSON, for fields that only few readers need.
};

}  // namespace troop::history
