// TLS towards a broker. Who answers is always verified: there is no way to turn that off.
#pragma once

#include <cstdint>
#include <string>

#include "common/clock.hpp"
#include "common/error.hpp"

struct amqp_connection_state_t_;  // of rabbitmq-c
struct ssl_st;                    // of OpenSSL

namespace troop::agents {

/// Who has to answer.
struct TlsPeer {
  std::string name;     ///< What its certificate must be made out to: a host name, or an address.
  std::string ca_file;  ///< Of the CAs, in PEM, that alone vouch for it; empty: the system's.
  bool operator==(const TlsPeer&) const = default;
};

/// Whether it can be read and holds certificates. Errors: usage.
Result<void> check_ca_file(const std::string& path);

/// What became of an attempt to connect.
struct TlsOpening {
  enum class Outcome { open, refused, silent, untrusted };
  Outcome outcome = Outcome::refused;
  std::string why = {};   ///< Empty when open.
  ssl_st* tls = nullptr;  ///< Of an open connection, which owns it.
};

/// Gives `connection` an open socket to `address`, an IPv4 address: connected, hands shaken, the peer verified. Blocks
/// for `timeout` at most.
TlsOpening open_tls(amqp_connection_state_t_* connection, const std::string& address, std::uint16_t port,
                    const TlsPeer& peer, Duration timeout);

}  // namespace troop::agents
