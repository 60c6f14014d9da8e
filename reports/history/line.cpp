#include "reports/history/line.hpp"

#include <charconv>
#include <cstring>

#include "reports/history/names.hpp"

namespace troop::history {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

/// Sees each field of one line. Text of a wrong type matters only where the event's `f` is one that we know, so it is
/// remembered until then.
class Filler {
 public:
  Filler(Event& event, Scratch& scratch) : event_(event), scratch_(scratch) {}

  void field(std::string_view key, element value);
  std::string_view finish();

 private:
  void integer(std::int64_t& out, element value, std::string_view complaint) {
    if (value.type() == element_type::INT64) {
      out = std::int64_t(value);
    } else if (value.type() != element_type::NULL_VALUE && broken_.empty()) {
      broken_ = complaint;
    }
  }
  void natural(std::int64_t& out, element value, std::string_view complaint) {
    integer(out, value, complaint);
    if (out < 0 && value.type() == element_type::INT64 && broken_.empty()) broken_ = complaint;
  }
  void text(std::string_view& out, element value, std::string_view complaint) {
    switch (value.type()) {
      case element_type::STRING:
        out = std::string_view(value);
        break;
      case element_type::INT64:
        out = digits(std::int64_t(value));
        break;
      case element_type::UINT64:
        out = digits(std::uint64_t(value));
        break;
      case element_type::NULL_VALUE:
        break;
      default:
        if (mistyped_.empty()) mistyped_ = complaint;
    }
  }
  void boolean(bool& out, element value, std::string_view complaint) {
    if (value.type() == element_type::BOOL) {
      out = bool(value);
    } else if (value.type() != element_type::NULL_VALUE && mistyped_.empty()) {
      mistyped_ = complaint;
    }
  }
  template <class T>
  std::string_view digits(T number) {
    char* const first = scratch_.digits.data() + scratch_.used;
    char* const end = scratch_.digits.data() + scratch_.digits.size();
    const auto [last, error] = std::to_chars(first, end, number);
    if (error != std::errc{}) return {};  // a field repeated again and again: no event has that many
    scratch_.used += static_cast<std::size_t>(last - first);
    return {first, static_cast<std::size_t>(last - first)};
  }
  void loose_text(std::string_view& out, element value) {
    if (value.type() == element_type::STRING) out = std::string_view(value);
  }

  Event& event_;
  Scratch& scratch_;
  bool has_type_ = false;
  bool has_f_ = false;
  bool has_value_ = false;
  element value_;
  std::string_view broken_;    ///< Wrong whatever `f` is.
  std::string_view mistyped_;  ///< Wrong for an `f` that we know.
};

void Filler::field(std::string_view key, element value) {
  switch (key.size()) {
    case 1:
      if (key == "f") {
        if (value.type() == element_type::STRING) {
          event_.f_name = std::string_view(value);
          event_.f = subject_of(event_.f_name);
          has_f_ = true;
        } else {
          broken_ = "'f' is not text";
        }
      }
      return;
    case 2:
      if (key == "op") return natural(event_.op, value, "'op' is not an integer from 0 on");
      if (key == "id") return text(event_.id, value, "'id' is neither text nor an integer");
      return;
    case 3:
      if (key == "key") return text(event_.key, value, "'key' is neither text nor an integer");
      if (key == "seq") return natural(event_.seq, value, "'seq' is not an integer from 0 on");
      if (key == "tag") return natural(event_.tag, value, "'tag' is not an integer from 0 on");
      if (key == "ack") return text(event_.ack, value, "'ack' is not text");
      return;
    case 4:
      if (key == "time") {
        integer(event_.time, value, "'time' is not an integer");
        event_.has_time = value.type() == element_type::INT64;
      } else if (key == "type") {
        const auto type = value.type() == element_type::STRING ? type_of(std::string_view(value)) : std::nullopt;
        if (type) {
          event_.type = *type;
          has_type_ = true;
        } else {
          broken_ = "'type' is none of invoke, ok, fail, info";
        }
      } else if (key == "name") {
        text(event_.name, value, "'name' is not text");
      }
      return;
    case 5:
      if (key == "index") return natural(event_.index, value, "'index' is not an integer from 0 on");
      if (key == "queue") return text(event_.queue, value, "'queue' is not text");
      if (key == "error") return loose_text(event_.error, value);
      if (key == "phase") return text(event_.phase, value, "'phase' is not text");
      if (key == "value") {
        value_ = value;
        has_value_ = value.type() != element_type::NULL_VALUE;
      }
      return;
    case 6:
      if (key == "target") return text(event_.target, value, "'target' is not text");
      if (key == "reason") return text(event_.reason, value, "'reason' is not text");
      return;
    case 7:
      if (key == "process") return text(event_.process, value, "'process' is not text");
      if (key == "attempt") return natural(event_.attempt, value, "'attempt' is not an integer from 0 on");
      if (key == "channel") return text(event_.channel, value, "'channel' is neither text nor an integer");
      if (key == "requeue") return boolean(event_.requeue, value, "'requeue' is not true or false");
      return;
    case 8:
      if (key == "producer") return text(event_.producer, value, "'producer' is not text");
      if (key == "multiple") return boolean(event_.multiple, value, "'multiple' is not true or false");
      if (key == "intended") return integer(event_.intended, value, "'intended' is not an integer");
      if (key == "exchange") {
        event_.has_exchange = value.type() == element_type::STRING;
        return text(event_.exchange, value, "'exchange' is not text");
      }
      return;
    case 11:
      if (key == "routing_key") return text(event_.routing_key, value, "'routing_key' is not text");
      if (key == "redelivered") return boolean(event_.redelivered, value, "'redelivered' is not true or false");
      return;
    default:
      return;
  }
}

std::string_view Filler::finish() {
  if (!broken_.empty()) return broken_;
  if (event_.index < 0) return "it has no 'index'";
  if (!has_type_) return "it has no 'type'";
  if (!has_f_) return "it has no 'f'";
  if (has_value_ && event_.f == Subject::sink) {
    text(event_.value, value_, "'value' is not text");
  } else if (has_value_) {
    scratch_.value = simdjson::minify(value_);
    event_.value = scratch_.value;
  }
  return event_.f == Subject::other ? std::string_view{} : mistyped_;
}

}  // namespace

std::string_view fill(Event& event, simdjson::dom::object object, Scratch& scratch) {
  scratch.used = 0;
  Filler filler{event, scratch};
  for (const auto [key, value] : object) filler.field(key, value);
  return filler.finish();
}

}  // namespace troop::history
