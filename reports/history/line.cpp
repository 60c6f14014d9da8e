#include "reports/history/line.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include "reports/history/names.hpp"
#include "reports/history/specials.hpp"

namespace troop::history {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

/// The value of a field, whoever parsed it.
struct Value {
  enum class Kind : std::uint8_t {
    text,
    integer,
    big,  ///< An integer beyond 64 bits with a sign; `number` holds its bits without one.
    boolean,
    null,
    other
  };
  Kind kind = Kind::other;
  bool truth = false;
  std::int64_t number = 0;
  std::string_view text;
};
using Kind = Value::Kind;

/// Sees each field of one line. Text of a wrong type matters only where the event's `f` is one that we know, so it is
/// remembered until then.
class Filler {
 public:
  Filler(Event& event, LineParser::Scratch& scratch) : event_(event), scratch_(scratch) { scratch.used = 0; }

  /// `json` is the value as written, without spaces; it is needed only for the field "value".
  void field(std::string_view key, const Value& value, std::string_view json);
  std::string_view finish();

 private:
  void integer(std::int64_t& out, const Value& value, std::string_view complaint) {
    if (value.kind == Kind::integer) {
      out = value.number;
    } else if (value.kind != Kind::null && broken_.empty()) {
      broken_ = complaint;
    }
  }
  void natural(std::int64_t& out, const Value& value, std::string_view complaint) {
    integer(out, value, complaint);
    if (out < 0 && value.kind == Kind::integer && broken_.empty()) broken_ = complaint;
  }
  void text(std::string_view& out, const Value& value, std::string_view complaint) {
    if (value.kind == Kind::text)
      out = value.text;
    else
      other_text(out, value, complaint);
  }
  /// By value, so that the caller's may stay in registers.
  [[gnu::noinline]] void other_text(std::string_view& out, Value value, std::string_view complaint) {
    if (value.kind == Kind::integer) {
      out = digits(value.number);
    } else if (value.kind == Kind::big) {
      out = digits(static_cast<std::uint64_t>(value.number));
    } else if (value.kind != Kind::null && mistyped_.empty()) {
      mistyped_ = complaint;
    }
  }
  void boolean(bool& out, const Value& value, std::string_view complaint) {
    if (value.kind == Kind::boolean) {
      out = value.truth;
    } else if (value.kind != Kind::null && mistyped_.empty()) {
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
  void loose_text(std::string_view& out, const Value& value) {
    if (value.kind == Kind::text) out = value.text;
  }

  Event& event_;
  LineParser::Scratch& scratch_;
  bool has_type_ = false;
  bool has_f_ = false;
  bool has_value_ = false;
  Value value_;
  std::string_view value_json_;
  std::string_view broken_;    ///< Wrong whatever `f` is.
  std::string_view mistyped_;  ///< Wrong for an `f` that we know.
};

[[gnu::always_inline]] inline void Filler::field(std::string_view key, const Value& value, std::string_view json) {
  switch (key.size()) {
    case 1:
      if (key == "f") {
        if (value.kind == Kind::text) {
          event_.f_name = value.text;
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
        event_.has_time = value.kind == Kind::integer;
      } else if (key == "type") {
        const auto type = value.kind == Kind::text ? type_of(value.text) : std::nullopt;
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
        value_json_ = json;
        has_value_ = value.kind != Kind::null;
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
        event_.has_exchange = value.kind == Kind::text;
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
    event_.value = value_json_;
  }
  return event_.f == Subject::other ? std::string_view{} : mistyped_;
}

static_assert(Specials::block_bytes <= simdjson::SIMDJSON_PADDING);

// The plain form: one flat object; texts of printable ASCII without escapes; integers from 0 on of at most 18 digits;
// true, false and null; spaces between them. Its only specials are its quotes and the newline, so each of them is
// either the one that is due or proof of another form.

const char* skip_spaces(const char* at) {
  while (*at == ' ') ++at;
  return at;
}

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr unsigned plain_digits_max = 18;  // always within 63 bits

/// The number that the digits at `at` are, which is moved behind them; beyond plain_digits_max the number means
/// nothing. Eight digits are read as one word, and then pairs, fours and eights added up in it at once. Reads up to 8
/// bytes behind the last digit.
std::uint64_t read_digits(const char*& at) {
  std::uint64_t number = 0;
  if constexpr (std::endian::native == std::endian::little) {
    constexpr std::array<std::uint64_t, 9> power{1, 10, 100, 1000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000};
    constexpr std::uint64_t every_byte = 0x0101010101010101U;
    for (unsigned count = 8; count == 8;) {
      std::uint64_t word;
      std::memcpy(&word, at, sizeof word);
      // A byte is a digit where its upper half is 3, and stays 3 when 6 is added.
      const std::uint64_t others =
          ((word ^ every_byte * 0x30) | ((word + every_byte * 0x06) ^ every_byte * 0x30)) & every_byte * 0xf0;
      count = static_cast<unsigned>(std::countr_zero(others)) / 8;
      if (count == 0) break;
      word = (word << (64 - 8 * count)) & every_byte * 0x0f;  // as if zeros stood before them
      word = (word * 10 + (word >> 8)) & 0x00ff00ff00ff00ffU;
      word = (word * 100 + (word >> 16)) & 0x0000ffff0000ffffU;
      word = (word * 10'000 + (word >> 32)) & 0xffffffffU;
      number = number * power[count] + word;
      at += count;
    }
  } else {
    for (; is_digit(*at); ++at) number = number * 10 + static_cast<std::uint64_t>(*at - '0');
  }
  return number;
}

/// Returns what follows the value, or null where it is not of the plain form.
const char* plain_value(Value& value, const char* at, Specials& specials) {
  const char* const begin = at;
  if (*at == '"') {
    if (specials.next() != begin) return nullptr;
    at = specials.next();
    if (*at != '"') return nullptr;
    value.kind = Kind::text;
    value.text = between(begin + 1, at);
    ++at;
  } else if (is_digit(*at)) {
    const std::uint64_t number = read_digits(at);
    if (at - begin > plain_digits_max || (*begin == '0' && at - begin > 1)) return nullptr;
    value.kind = Kind::integer;
    value.number = static_cast<std::int64_t>(number);
  } else if (std::memcmp(at, "true", 4) == 0) {
    value.kind = Kind::boolean;
    value.truth = true;
    at += 4;
  } else if (std::memcmp(at, "false", 5) == 0) {
    value.kind = Kind::boolean;
    at += 5;
  } else if (std::memcmp(at, "null", 4) == 0) {
    value.kind = Kind::null;
    at += 4;
  } else {
    return nullptr;
  }
  return at;
}

Value value_of(element from) {
  Value value;
  switch (from.type()) {
    case element_type::STRING:
      value.kind = Kind::text;
      value.text = std::string_view(from);
      break;
    case element_type::INT64:
      value.kind = Kind::integer;
      value.number = std::int64_t(from);
      break;
    case element_type::UINT64:
      value.kind = Kind::big;
      value.number = static_cast<std::int64_t>(std::uint64_t(from));
      break;
    case element_type::BOOL:
      value.kind = Kind::boolean;
      value.truth = bool(from);
      break;
    case element_type::NULL_VALUE:
      value.kind = Kind::null;
      break;
    default:
      break;
  }
  return value;
}

}  // namespace

LineParser::Plain LineParser::parse_plain(Event& event, const char* begin) {
  Filler filler{event, scratch_};
  Specials specials{begin};
  const char* at = skip_spaces(begin);
  if (*at != '{') return {};
  do {
    const char* const key = specials.next();
    if (*key != '"' || key != skip_spaces(at + 1)) return {};
    const char* const key_end = specials.next();
    if (*key_end != '"') return {};
    at = skip_spaces(key_end + 1);
    if (*at != ':') return {};
    const char* const value_begin = skip_spaces(at + 1);
    Value value;
    const char* const value_end = plain_value(value, value_begin, specials);
    if (value_end == nullptr) return {};
    filler.field(between(key + 1, key_end), value, between(value_begin, value_end));
    at = skip_spaces(value_end);
  } while (*at == ',');
  if (*at != '}') return {};
  at = skip_spaces(at + 1);
  if (*at != '\n') return {};
  return {at, filler.finish()};
}

std::string LineParser::parse_any(Event& event, std::string_view line) {
  element root;
  if (const auto error = parser_.parse(line.data(), line.size(), false).get(root); error != simdjson::SUCCESS) {
    return std::string{"not JSON: "} + simdjson::error_message(error);
  }
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS) return "it is not a JSON object";
  Filler filler{event, scratch_};
  for (const auto [key, value] : object) {
    if (key == "value") scratch_.value = simdjson::minify(value);
    filler.field(key, value_of(value), scratch_.value);
  }
  return std::string{filler.finish()};
}

}  // namespace troop::history
