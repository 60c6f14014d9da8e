#include "agents/host/dns_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace troop::agents {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t header_bytes = 12;
constexpr std::size_t record_bytes = 10;  // type, class, time to live and length, behind the name
constexpr std::size_t label_max = 63, name_max = 255;
constexpr std::uint16_t type_a = 1, type_aaaa = 28, type_opt = 41, class_in = 1;
constexpr std::uint8_t answer_bit = 0x80, opcode_bits = 0x78, truncated_bit = 0x02;  // of byte 2
constexpr std::uint8_t authentic_bit = 0x20, code_bits = 0x0f;                       // of byte 3
constexpr std::uint8_t code_noerror = 0, code_servfail = 2, code_nxdomain = 3;
constexpr const char* letters = "abcdefghijklmnopqrstuvwxyz0123456789-_";

std::uint16_t word(Bytes message, std::size_t at) {
  return static_cast<std::uint16_t>(message[at] << 8 | message[at + 1]);
}

char small(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; }

/// The question's name, and `at` behind it. Nothing has been named before that it could point to.
std::optional<DnsName> spelled_out(Bytes message, std::size_t& at) {
  DnsName name;
  const std::size_t begin = at;
  while (at < message.size()) {
    const std::size_t length = message[at++];
    if (length == 0) return name;
    if (length > label_max || length > message.size() - at || at + length - begin >= name_max) return std::nullopt;
    std::string label(length, '\0');
    std::transform(message.begin() + static_cast<std::ptrdiff_t>(at),
                   message.begin() + static_cast<std::ptrdiff_t>(at + length), label.begin(),
                   [](std::uint8_t byte) { return small(static_cast<char>(byte)); });
    name.push_back(std::move(label));
    at += length;
  }
  return std::nullopt;
}

/// `at` behind a name that may end with a pointer. Where it points to is nothing to us: nobody follows it.
bool skip_name(Bytes message, std::size_t& at) {
  while (at < message.size()) {
    const std::size_t length = message[at];
    if (length > label_max) {
      at += 2;
      return (length & 0xc0) == 0xc0 && at <= message.size();
    }
    at += 1 + length;
    if (length == 0) return true;
  }
  return false;
}

/// `at` behind a record; `type_at`: where its type is.
bool skip_record(Bytes message, std::size_t& at, std::size_t& type_at) {
  if (!skip_name(message, at) || at > message.size() || message.size() - at < record_bytes) return false;
  type_at = at;
  const std::size_t data = word(message, at + 8);
  at += record_bytes;
  if (data > message.size() - at) return false;
  at += data;
  return true;
}

Result<DnsName> parsed(std::string_view text) {
  const std::string written{text};
  const auto wrong = [&](std::string_view why) {
    return usage_error(fmt::format("'{}' is no name: {}", written, why));
  };
  if (text.ends_with('.')) text.remove_suffix(1);
  DnsName name;
  std::size_t bytes = 1;
  while (true) {
    const auto end = std::min(text.find('.'), text.size());
    std::string label{text.substr(0, end)};
    std::transform(label.begin(), label.end(), label.begin(), small);
    if (label.empty()) return wrong("a part of it is empty");
    if (label.size() > label_max) return wrong(fmt::format("'{}' is longer than {} letters", label, label_max));
    if (label.find_first_not_of(letters) != std::string::npos) {
      return wrong(fmt::format("'{}' has other letters than a-z, 0-9, - and _", label));
    }
    bytes += 1 + label.size();
    name.push_back(std::move(label));
    if (end == text.size()) break;
    text.remove_prefix(end + 1);
  }
  if (bytes > name_max) return wrong("it is too long");
  return name;
}

void append_word(std::vector<std::uint8_t>& message, std::size_t value) {
  message.push_back(static_cast<std::uint8_t>(value >> 8));
  message.push_back(static_cast<std::uint8_t>(value & 0xff));
}

/// Pointing to the question's name, for 0 s.
void append_address(std::vector<std::uint8_t>& message, std::uint16_t type, Bytes data) {
  append_word(message, 0xc000 | header_bytes);
  append_word(message, type);
  append_word(message, class_in);
  append_word(message, 0);
  append_word(message, 0);
  append_word(message, data.size());
  message.insert(message.end(), data.begin(), data.end());
}

/// What the resolver said of its own abilities, without options and without the upper bits of its code.
void append_extension(std::vector<std::uint8_t>& message, Bytes original, std::size_t type_at) {
  message.push_back(0);
  append_word(message, type_opt);
  append_word(message, word(original, type_at + 2));            // the longest message that it takes
  append_word(message, 0);                                      // no code beyond the header's, version 0
  append_word(message, word(original, type_at + 6) & 0x8000U);  // "DNSSEC OK" is repeated
  append_word(message, 0);
}

}  // namespace

Result<DnsNames> DnsNames::of(const std::vector<std::string>& written) {
  if (written.empty()) return usage_error("there is no name");
  if (written.size() > names_max) {
    return usage_error(fmt::format("{} names, and at most {} are possible", written.size(), names_max));
  }
  DnsNames names;
  for (const auto& text : written) {
    const bool below = text.starts_with("*.");
    BOOST_OUTCOME_TRY(auto name, parsed(below ? std::string_view{text}.substr(2) : std::string_view{text}));
    names.patterns_.push_back({std::move(name), below});
  }
  return names;
}

bool DnsNames::hold(const DnsName& name) const {
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const Pattern& pattern) {
    if (!pattern.below) return pattern.name == name;
    return name.size() > pattern.name.size() && std::equal(pattern.name.rbegin(), pattern.name.rend(), name.rbegin());
  });
}

std::optional<DnsQuestion> answered_question(Bytes message) {
  if (message.size() < header_bytes || (message[2] & (answer_bit | opcode_bits)) != answer_bit) return std::nullopt;
  if (word(message, 4) != 1) return std::nullopt;
  std::size_t at = header_bytes;
  auto name = spelled_out(message, at);
  if (!name || message.size() - at < 4 || word(message, at + 2) != class_in) return std::nullopt;
  DnsQuestion question{.name = std::move(*name), .type = word(message, at), .end = at + 4, .extension = {}};
  at = question.end;
  const std::size_t records = std::size_t{word(message, 6)} + word(message, 8) + word(message, 10);
  for (std::size_t i = 0; i < records; ++i) {
    std::size_t type_at = 0;
    if (!skip_record(message, at, type_at)) return std::nullopt;
    if (word(message, type_at) == type_opt && !question.extension) question.extension = type_at;
  }
  return question;
}

std::vector<std::uint8_t> other_answer(Bytes message, const DnsQuestion& question, DnsAnswer answer,
                                       const boost::asio::ip::address& address) {
  const bool for_addresses = question.type == type_a || question.type == type_aaaa;
  if (answer == DnsAnswer::late || answer == DnsAnswer::none) return {};
  if (answer == DnsAnswer::address && !for_addresses) return {};
  const bool with_address = answer == DnsAnswer::address && question.type == (address.is_v4() ? type_a : type_aaaa);

  std::vector<std::uint8_t> other{message.begin(), message.begin() + static_cast<std::ptrdiff_t>(question.end)};
  const std::uint8_t code = answer == DnsAnswer::nxdomain   ? code_nxdomain
                            : answer == DnsAnswer::servfail ? code_servfail
                                                            : code_noerror;
  other[2] = static_cast<std::uint8_t>(other[2] & ~truncated_bit);
  other[3] = static_cast<std::uint8_t>((other[3] & ~(authentic_bit | code_bits)) | code);
  std::fill(other.begin() + 6, other.begin() + header_bytes, std::uint8_t{0});
  if (with_address) {
    other[7] = 1;
    if (address.is_v4()) {
      append_address(other, type_a, address.to_v4().to_bytes());
    } else {
      append_address(other, type_aaaa, address.to_v6().to_bytes());
    }
  }
  if (question.extension) {
    other[11] = 1;
    append_extension(other, message, *question.extension);
  }
  return other;
}

}  // namespace troop::agents
