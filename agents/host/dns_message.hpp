// What is within an answer of the name service (RFC 1035), and other answers in its place: as far as somebody has to
// look who changes what a host is told of chosen names. Nothing that a packet says is believed before it was checked.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/error.hpp"

namespace troop::agents {

/// The labels of a name, in small letters: "example", "com".
using DnsName = std::vector<std::string>;

/// Names as people write them: "db.example.com", or "*.example.com" for all below that one, which is not meant itself.
class DnsNames {
 public:
  static constexpr std::size_t names_max = 64;

  /// Errors: usage, for what is no name; names in another alphabet are wanted in their ASCII form (RFC 5890).
  static Result<DnsNames> of(const std::vector<std::string>& written);
  [[nodiscard]] bool hold(const DnsName& name) const;

 private:
  struct Pattern {
    DnsName name;
    bool below = false;
  };
  std::vector<Pattern> patterns_;
};

struct DnsQuestion {
  DnsName name;
  std::uint16_t type = 0;
  std::size_t end = 0;                   ///< Of the question within the message.
  std::optional<std::size_t> extension;  ///< Where the OPT record's type is (EDNS, RFC 6891).
};

/// What a message answers. Nothing where it is no answer to one question of the Internet's class, or is not sound from
/// its beginning to its last record.
std::optional<DnsQuestion> answered_question(std::span<const std::uint8_t> message);

/// nodata: there is such a name, with no record of that type (RFC 2308).
enum class DnsAnswer { nxdomain, servfail, nodata, address, late, none };

/// The message with another answer; `address` for an answer of that kind: to a question for addresses of the other
/// family the answer is nodata, and there is none to other questions. None either for late and none: those are not
/// about content. It is never longer than the message and one record, has no record that anybody would keep (negative
/// ones without SOA, addresses for 0 s), and is not "truncated", so that nobody asks again over TCP.
std::vector<std::uint8_t> other_answer(std::span<const std::uint8_t> message, const DnsQuestion& question,
                                       DnsAnswer answer, const boost::asio::ip::address& address);

}  // namespace troop::agents
