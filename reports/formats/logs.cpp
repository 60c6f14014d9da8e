#include "reports/formats/logs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <optional>

#include "reports/formats/text.hpp"

namespace troop::formats {
namespace {

using namespace std::chrono_literals;

constexpr Duration before = 1s;
constexpr Duration after = 2s;
constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::string_view redacted = "[redacted]";
constexpr std::array<std::string_view, 8> secret_words{"password", "passwd", "passphrase", "default_pass",
                                                       "secret",   "cookie", "token",      "authorization"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool begins_with_word(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) { return a == lower(b); });
}

/// Where the value begins and ends that a secret word at the front of `text` introduces: "password = x",
/// {password,<<"x">>}, "Cookie hash: x". Nothing: the word is only a word.
std::optional<std::pair<std::size_t, std::size_t>> value_of(std::string_view text, std::size_t word) {
  std::size_t at = word;
  if (begins_with_word(text.substr(at), " hash")) at += 5;
  at = std::min(text.find_first_not_of("\"' \t>", at), text.size());
  if (at == text.size() || std::string_view{":=,"}.find(text[at]) == std::string_view::npos) return std::nullopt;
  at = text.find_first_not_of(":=, \t<\"'", at);
  if (at == std::string_view::npos) return std::nullopt;
  for (const std::string_view scheme : {"basic ", "bearer "}) {
    if (begins_with_word(text.substr(at), scheme)) at += scheme.size();
  }
  return std::pair{at, std::min(text.find_first_of(" \t\r\n,;\"'>})]", at), text.size())};
}

/// Reads `digits` digits at `at`; nothing where there are other characters.
std::optional<int> number(std::string_view text, std::size_t at, std::size_t digits) {
  if (text.size() < at + digits) return std::nullopt;
  int value = 0;
  const auto part = text.substr(at, digits);
  const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), value);
  return failure == std::errc{} && end == part.data() + part.size() && value >= 0 ? std::optional{value} : std::nullopt;
}

struct Stamp {
  std::int64_t wall_ns = 0;
  std::string_view level;
  std::string_view text;
};

/// "2026-11-21 14:46:45.548242+00:00 [info] <0.223.0> text"
std::optional<Stamp> read_stamp(std::string_view line) {
  static constexpr std::string_view shape = "0000-00-00 00:00:00.000000+00:00 [";
  if (line.size() < shape.size()) return std::nullopt;
  for (std::size_t at = 0; at < shape.size(); ++at) {
    const bool fits = shape[at] == '0'   ? line[at] >= '0' && line[at] <= '9'
                      : shape[at] == '+' ? line[at] == '+' || line[at] == '-'
                                         : line[at] == shape[at];
    if (!fits) return std::nullopt;
  }
  std::tm parts{};
  parts.tm_year = *number(line, 0, 4) - 1900;
  parts.tm_mon = *number(line, 5, 2) - 1;
  parts.tm_mday = *number(line, 8, 2);
  parts.tm_hour = *number(line, 11, 2);
  parts.tm_min = *number(line, 14, 2);
  parts.tm_sec = *number(line, 17, 2);
  const std::int64_t offset = *number(line, 27, 2) * 3600 + *number(line, 30, 2) * 60;
  Stamp stamp;
  stamp.wall_ns = (timegm(&parts) - (line[26] == '-' ? -offset : offset)) * ns_per_s +
                  static_cast<std::int64_t>(*number(line, 20, 6)) * 1000;
  const std::size_t close = line.find(']', shape.size());
  if (close == std::string_view::npos) return std::nullopt;
  stamp.level = line.substr(shape.size(), close - shape.size());
  stamp.text = line.substr(close + 1);
  stamp.text.remove_prefix(std::min(stamp.text.find_first_not_of(' '), stamp.text.size()));
  return stamp;
}

std::string shortened(std::string text) {
  if (text.size() <= excerpt_line_bytes_max) return text;
  std::size_t end = excerpt_line_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text + " …";
}

struct Line {
  Duration at{0};
  std::string_view level;
  std::string_view text;
};

std::vector<Line> lines_of(std::string_view log, std::int64_t started_wall_ns) {
  std::vector<Line> lines;
  while (!log.empty()) {
    const std::size_t end = std::min(log.find('\n'), log.size());
    const std::string_view line = log.substr(0, end);
    log.remove_prefix(std::min(end + 1, log.size()));
    if (const auto stamp = read_stamp(line)) {
      lines.push_back({Duration{stamp->wall_ns - started_wall_ns}, stamp->level, stamp->text});
    } else if (!lines.empty()) {  // belongs to the one before
      lines.push_back({lines.back().at, lines.back().level, line});
    }
  }
  std::erase_if(lines, [](const Line& line) {
    const bool process = line.text.starts_with('<');  // "<0.223.0> " and nothing behind it says nothing
    const std::string_view words =
        process ? line.text.substr(std::min(line.text.find('>'), line.text.size())) : line.text;
    return words.find_first_not_of("> \t\r") == std::string_view::npos || line.level == "debug";
  });
  return lines;
}

bool matters(const Line& line) { return line.level != "info" && line.level != "notice"; }

/// Which lines are shown where there is not room for all: what matters first, then the first and the last of the rest.
std::vector<bool> chosen(const std::vector<Line>& lines) {
  std::vector<bool> shown(lines.size(), lines.size() <= excerpt_lines_max);
  if (lines.size() <= excerpt_lines_max) return shown;
  std::size_t room = excerpt_lines_max;
  const auto show = [&](std::size_t at) {
    if (room == 0 || shown[at]) return;
    shown[at] = true;
    --room;
  };
  for (std::size_t at = 0; at < lines.size() && room > excerpt_lines_max / 4; ++at) {
    if (matters(lines[at])) show(at);
  }
  for (std::size_t step = 0; step < lines.size() && room > 0; ++step) {
    show(step % 2 == 0 ? step / 2 : lines.size() - 1 - step / 2);
  }
  return shown;
}

}  // namespace

std::string without_credentials(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t at = 0;
  while (at < text.size()) {
    const std::string_view rest = text.substr(at);
    if (rest.starts_with("://")) {
      const std::string_view address = rest.substr(0, rest.find_first_of(" \t\r\n\"'<>", 3));
      if (const std::size_t sign = address.rfind('@'); sign != std::string_view::npos) {
        out.append("://").append(redacted);
        at += sign;
        continue;
      }
    }
    const auto word = std::find_if(secret_words.begin(), secret_words.end(),
                                   [&](std::string_view each) { return begins_with_word(rest, each); });
    const auto value = word == secret_words.end() ? std::nullopt : value_of(rest, word->size());
    if (value) {
      out.append(rest.substr(0, value->first)).append(redacted);
      at += value->second;
      continue;
    }
    out += text[at++];
  }
  return out;
}

std::string without_controls(std::string_view line) {
  const std::string valid = valid_utf8(line);
  std::string out;
  for (std::size_t at = 0; at < valid.size(); ++at) {
    const auto byte = static_cast<unsigned char>(valid[at]);
    if (byte == 0x1B && at + 1 < valid.size() && valid[at + 1] == '[') {  // a terminal sequence, to its final byte
      at += 2;
      while (at < valid.size() && (valid[at] < '@' || valid[at] > '~')) ++at;
    } else if (byte == '\t') {
      out += ' ';
    } else if (byte == 0xC2 && static_cast<unsigned char>(valid[at + 1]) < 0xA0) {
      ++at;  // C1: a control character too
    } else if (byte >= 0x20 && byte != 0x7F) {
      out += valid[at];
    }
  }
  return out;
}

std::vector<LogExcerpt> excerpts(std::string_view log, std::string_view name, const std::vector<FaultRecord>& faults,
                                 Duration run_length, std::int64_t started_wall_ns) {
  std::vector<LogExcerpt> all;
  const std::vector<Line> lines = lines_of(log, started_wall_ns);
  for (const auto& fault : faults) {
    if (!fault.asked) continue;
    LogExcerpt excerpt{fault.step,
                       std::string{name},
                       *fault.asked - before,
                       fault.restored.value_or(std::max(run_length, *fault.asked)) + after,
                       {}};
    std::vector<Line> inside;
    std::copy_if(lines.begin(), lines.end(), std::back_inserter(inside),
                 [&](const Line& line) { return line.at >= excerpt.from && line.at <= excerpt.to; });
    const std::vector<bool> shown = chosen(inside);
    std::int64_t left_out = 0;
    const auto tell_gap = [&](Duration at) {
      if (left_out > 0) excerpt.lines.push_back({at, "", fmt::format("({} left out here)", plural(left_out, "line"))});
      left_out = 0;
    };
    for (std::size_t at = 0; at < inside.size(); ++at) {
      if (!shown[at]) {
        ++left_out;
        continue;
      }
      tell_gap(inside[at].at);
      excerpt.lines.push_back({inside[at].at, without_controls(inside[at].level),
                               shortened(without_credentials(without_controls(inside[at].text)))});
    }
    tell_gap(excerpt.to);
    all.push_back(std::move(excerpt));
  }
  return all;
}

}  // namespace troop::formats
