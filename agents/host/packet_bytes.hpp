// What is within a packet: as far as somebody has to look who spoils one, or changes what it carries.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/ids.hpp"

namespace troop::agents {

/// wrong: the checksum stays as it was, and whoever receives the packet sees that it is broken, as after a bad cable.
/// right: it fits again, as after a broken switch or memory; then a program gets to see what nobody sent.
enum class Checksum { wrong, right };

/// Flips one bit of a whole IPv4 or IPv6 packet, behind its IP headers; where the checksum is to be right, of what TCP
/// or UDP carry. False where there is none such: then nothing is changed.
bool flip_a_bit(std::vector<std::uint8_t>& packet, Checksum checksum, Random& random);

/// Where that begins what UDP carries in an IPv4 or IPv6 packet. Nothing where it is none of UDP's, a fragment, cut
/// short, or was spoiled on its way: its checksum does not fit.
std::optional<std::size_t> udp_payload(std::span<const std::uint8_t> packet);
/// Puts `payload` in place of what UDP carries, which begins there; lengths and checksums fit again. At most 64 KB with
/// all headers.
void replace_udp_payload(std::vector<std::uint8_t>& packet, std::size_t begin, std::span<const std::uint8_t> payload);

}  // namespace troop::agents
