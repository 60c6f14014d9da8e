// What is within a packet: as far as somebody has to look who spoils one.
#pragma once

#include <cstdint>
#include <vector>

#include "common/ids.hpp"

namespace troop::agents {

/// wrong: the checksum stays as it was, and whoever receives the packet sees that it is broken, as after a bad cable.
/// right: it fits again, as after a broken switch or memory; then a program gets to see what nobody sent.
enum class Checksum { wrong, right };

/// Flips one bit of a whole IPv4 or IPv6 packet, behind its IP headers; where the checksum is to be right, of what TCP
/// or UDP carry. False where there is none such: then nothing is changed.
bool flip_a_bit(std::vector<std::uint8_t>& packet, Checksum checksum, Random& random);

}  // namespace troop::agents
