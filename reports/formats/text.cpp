#include "reports/formats/text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <ctime>

namespace troop::formats {
namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::int64_t ns_per_s = 1'000'000'000;

/// Length of the UTF-8 sequence that `text` begins with; 0: it begins with none (RFC 3629, table in section 4).
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
  const auto within = [](unsigned value, unsigned low, unsigned high) { return value >= low && value <= high; };
  const auto tail = [&](std::size_t at) { return within(byte(at), 0x80, 0xBF); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (within(first, 0xC2, 0xDF)) return tail(1) ? 2 : 0;
  if (within(first, 0xE0, 0xEF)) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;   // shorter forms exist
    const unsigned high = first == 0xED ? 0x9F : 0xBF;  // surrogates
    return within(byte(1), low, high) && tail(2) ? 3 : 0;
  }
  if (within(first, 0xF0, 0xF4)) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
    return within(byte(1), low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

std::tm utc(std::int64_t wall_ns) {
  const std::time_t seconds = static_cast<std::time_t>(wall_ns / ns_per_s);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

// In floating point: a damaged document may hold times whose difference no integer holds.
std::string seconds_text(double seconds) {
  if (seconds < 0.0005) return seconds <= 0 ? "0 ms" : "< 1 ms";
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 9.995) return fmt::format("{:.2f} s", seconds);
  if (seconds < 99.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::round(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) {
      valid += "\xEF\xBF\xBD";
      text.remove_prefix(1);
    } else {
      valid += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return valid;
}

std::string printable(std::string_view text) {
  const std::string valid = valid_utf8(text);
  std::string shown;
  shown.reserve(valid.size());
  for (std::size_t at = 0; at < valid.size(); ++at) {
    const auto byte = static_cast<unsigned char>(valid[at]);
    if (byte < 0x20 || byte == 0x7F) {
      shown += byte == '\n' || byte == '\t' ? " " : fmt::format("\\x{:02x}", byte);
    } else if (byte == 0xC2 &&
               static_cast<unsigned char>(valid[at + 1]) < 0xA0) {  // C1: a terminal obeys these as well
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(valid[++at]));
    } else {
      shown += valid[at];
    }
  }
  return shown;
}

std::string grouped(std::int64_t number) {
  std::string digits = fmt::format("{}", number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string moment(Duration at) {
  const std::int64_t count = at.count();
  const std::int64_t ms = std::abs(count / ns_per_ms);
  return fmt::format("{}{}.{:03} s", count < 0 ? '-' : '+', ms / 1000, ms % 1000);
}

std::string span_text(Duration length) {
  return seconds_text(static_cast<double>(length.count()) / static_cast<double>(ns_per_s));
}

std::string span_text(Duration from, Duration to) {
  return seconds_text((static_cast<double>(to.count()) - static_cast<double>(from.count())) /
                      static_cast<double>(ns_per_s));
}

std::string span_text_ms(std::int64_t milliseconds) { return seconds_text(static_cast<double>(milliseconds) / 1000); }

std::string latency_text(double milliseconds) {
  if (milliseconds < 9.95) return fmt::format("{:.1f} ms", milliseconds);
  if (milliseconds < 999.5) return fmt::format("{:.0f} ms", milliseconds);
  return fmt::format("{:.2f} s", milliseconds / 1000);
}

std::string wall_text(std::int64_t wall_ns) { return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", utc(wall_ns)); }

std::string wall_iso(std::int64_t wall_ns) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", utc(wall_ns), std::abs(wall_ns / ns_per_ms % 1000));
}

std::string listed(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t at = 0; at < items.size(); ++at) {
    if (at > 0) text += at + 1 == items.size() ? " and " : ", ";
    text += items[at];
  }
  return text;
}

std::string plural(std::int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(count), noun, count == 1 ? "" : "s");
}

std::string plural(std::int64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", grouped(count), count == 1 ? one : many);
}

}  // namespace troop::formats
