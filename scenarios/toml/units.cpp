#include "scenarios/toml/units.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "scenarios/toml/reader.hpp"

namespace troop::scenarios {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// Plain decimal digits with at most one point: no sign, no exponent, no hexadecimal.
std::optional<double> plain_number(std::string_view text) {
  if (text.empty() || text.size() > 30 || text.front() == '.' || text.back() == '.') return std::nullopt;
  if (text.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> nanoseconds_of(std::string_view unit) {
  if (unit == "ns") return 1;
  if (unit == "us") return 1e3;
  if (unit == "ms") return 1e6;
  if (unit == "s") return 1e9;
  if (unit == "m") return 60e9;
  if (unit == "h") return 3600e9;
  return std::nullopt;
}

/// Length in code points of the UTF-8 sequence at the front, 0 if there is none; stores the code point.
std::size_t decode(std::string_view text, char32_t& point) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return point = first, 1;
  const std::size_t length = first >= 0xC2 && first < 0xE0   ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
  if (length == 0 || text.size() < length) return 0;
  point = static_cast<char32_t>(first & (0x7F >> length));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    point = (point << 6) | (byte(i) & 0x3F);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  return overlong || surrogate || point > 0x10FFFF ? 0 : length;
}

bool is_unprintable(char32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x2028 || point == 0x2029 || point == 0xFEFF ||
         (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069) || point == 0x200E ||
         point == 0x200F;
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + cost});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return out;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text, Duration longest) {
  static constexpr std::string_view form = "a number and one of ns, us, ms, s, m, h, such as \"200ms\"";
  const std::string_view whole = trimmed(text);
  if (whole.starts_with('-')) return usage_error(fmt::format("{} is negative; a duration is not", in_quotes(text)));
  const std::size_t split = std::min(whole.find_first_not_of("0123456789."), whole.size());
  const auto number = plain_number(whole.substr(0, split));
  const std::string_view name = trimmed(whole.substr(split));
  if (number && name.empty())
    return usage_error(fmt::format("{} has no unit; a duration is {}", in_quotes(text), form));
  const auto unit = nanoseconds_of(name);
  if (!number || !unit) return usage_error(fmt::format("{} is not a duration: {}", in_quotes(text), form));
  const double nanoseconds = std::round(*number * *unit);
  if (nanoseconds > static_cast<double>(longest.count())) {
    return usage_error(fmt::format("{} is longer than {}h", in_quotes(text), longest / std::chrono::hours{1}));
  }
  return Duration{static_cast<std::int64_t>(nanoseconds)};
}

Result<model::Bound> parse_bound(const model::Parameter& measure, std::string_view text) {
  using Op = model::Bound::Op;
  const bool is_duration = measure.type == model::ParameterType::duration;
  const std::string_view example = is_duration ? "\"< 500ms\"" : "\">= 0.999\"";
  std::string_view rest = trimmed(text);
  model::Bound bound;
  if (rest.starts_with("<="))
    bound.op = Op::less_equal, rest.remove_prefix(2);
  else if (rest.starts_with(">="))
    bound.op = Op::greater_equal, rest.remove_prefix(2);
  else if (rest.starts_with("<"))
    bound.op = Op::less, rest.remove_prefix(1);
  else if (rest.starts_with(">"))
    bound.op = Op::greater, rest.remove_prefix(1);
  else
    return usage_error(
        fmt::format("{} is not a bound: <, <=, > or >= and a limit, such as {}", in_quotes(text), example));
  rest = trimmed(rest);
  if (is_duration) {
    BOOST_OUTCOME_TRY(const auto limit, parse_duration(rest));
    bound.limit = std::chrono::duration<double>(limit).count();
  } else {
    const auto number = plain_number(rest);
    if (!number)
      return usage_error(fmt::format("{} has no limit that is a number, such as {}", in_quotes(text), example));
    bound.limit = *number;
  }
  const double limit = bound.limit;
  if ((measure.minimum && limit < *measure.minimum) || (measure.maximum && limit > *measure.maximum)) {
    return usage_error(fmt::format("{} is outside of what is measured: {} to {}", in_quotes(text),
                                   measure.minimum.value_or(0),
                                   measure.maximum ? fmt::format("{}", *measure.maximum) : "any"));
  }
  const bool never = (bound.op == Op::less && measure.minimum && limit <= *measure.minimum) ||
                     (bound.op == Op::greater && measure.maximum && limit >= *measure.maximum);
  if (never) return usage_error(fmt::format("{} can never be met", in_quotes(text)));
  if (is_duration && (bound.op == Op::greater || bound.op == Op::greater_equal))
    return usage_error(
        fmt::format("{} would ask for slowness; a time has an upper limit, such as {}", in_quotes(text), example));
  const bool always = (bound.op == Op::greater_equal && measure.minimum && limit <= *measure.minimum) ||
                      (bound.op == Op::less_equal && measure.maximum && limit >= *measure.maximum);
  if (always) return usage_error(fmt::format("{} is always met", in_quotes(text)));
  return bound;
}

Result<model::Value> parse_value(const model::Parameter& parameter, std::string_view text) {
  using model::ParameterType;
  switch (parameter.type) {
    case ParameterType::boolean:
      return model::Value{text == "true"};
    case ParameterType::integer: {
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc{} || end != text.data() + text.size())
        return usage_error(in_quotes(text) + " is not an integer");
      return model::Value{number};
    }
    case ParameterType::number: {
      const auto number = plain_number(text);
      if (!number) return usage_error(in_quotes(text) + " is not a number");
      return model::Value{*number};
    }
    case ParameterType::duration: {
      BOOST_OUTCOME_TRY(const auto duration, parse_duration(text));
      return model::Value{duration};
    }
    case ParameterType::text:
    case ParameterType::choice:
      return model::Value{std::string{text}};
    case ParameterType::text_list:
      break;
  }
  std::vector<std::string> list;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    list.emplace_back(trimmed(text.substr(from, comma - from)));
    from = comma + 1;
  }
  return model::Value{std::move(list)};
}

std::optional<std::string> nearest(std::string_view name, std::span<const std::string> known) {
  if (name.size() > 64) return std::nullopt;
  const std::string wanted = lower(name);
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(1, std::min<std::size_t>(3, name.size() / 3)) + 1;
  for (const auto& candidate : known) {
    const std::size_t d = distance(wanted, lower(candidate));
    if (d < best_distance) best = candidate, best_distance = d;
  }
  return best;
}

std::string hint(std::string_view name, std::span<const std::string> known) {
  if (const auto near = nearest(name, known)) return fmt::format(", did you mean '{}'?", *near);
  return known.empty() ? std::string{} : fmt::format("; known: {}", fmt::join(known, ", "));
}

bool is_printable(std::string_view text) {
  while (!text.empty()) {
    char32_t point = 0;
    const std::size_t length = decode(text, point);
    if (length == 0 || is_unprintable(point)) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::size_t invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    char32_t point = 0;
    const std::size_t length = decode(text.substr(at), point);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

std::string in_quotes(std::string_view text) {
  static constexpr std::size_t longest_shown = 60;
  static constexpr std::string_view after_scheme = "://";
  std::string out = "\"";
  const std::size_t scheme = text.find(after_scheme);
  const bool is_url = scheme != std::string_view::npos;
  if (is_url) text = text.substr(0, scheme + after_scheme.size());
  while (!text.empty() && out.size() < longest_shown) {
    char32_t point = 0;
    const std::size_t length = decode(text, point);
    if (length == 0)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    else if (is_unprintable(point))
      out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(point));
    else if (point == '"')
      out += "\\\"";
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out + (text.empty() && !is_url ? "\"" : "…\"");
}

}  // namespace troop::scenarios
