// TCP on loopback, as far as starting and watching a private server needs it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "common/clock.hpp"
#include "common/error.hpp"

namespace troop::agents {

/// True if nobody listens on 127.0.0.1:`port` and we could.
bool port_is_free(std::uint16_t port);

/// A free loopback port below the kernel's range for outgoing connections: while a server is down, no client's own
/// socket can take its port (or connect to itself, which TCP allows).
Result<std::uint16_t> pick_port();

/// What a server on 127.0.0.1:`port` does with an AMQP 0-9-1 protocol header. Untrusted, only over TLS: somebody else
/// answers there, which says nothing about the server.
enum class AmqpAnswer { refused, silent, ready, untrusted };

/// Connects, sends the header, waits up to `timeout` for the first byte of `connection.start` (a method frame: 0x01).
boost::asio::awaitable<AmqpAnswer> ask_amqp(std::uint16_t port, Duration timeout);
/// The same of a server elsewhere; `address` is an IPv4 address. Asked from the network namespace `netns`, -1: ours.
boost::asio::awaitable<AmqpAnswer> ask_amqp(std::string address, std::uint16_t port, Duration timeout, int netns = -1);

}  // namespace troop::agents
