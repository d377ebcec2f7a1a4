// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace ballast::isolate {

// A list of strings in the form that execve(2) takes, made before clone3(2) so that nothing is allocated after it.
// Move-only: a copy would point into the strings of the original.
class Words {
  public:
    Words() = default;
    explicit Words(std::vector<std::string> words) : words_(std::move(words)) {}
    Words(Words &&) noexcept = default;
    Words &operator=(Words &&) noexcept = default;
    Words(const Words &) = delete;
    Words &operator=(const Words &) = delete;
    ~Words() = default;

    // Takes back freeze(): the strings may have moved.
    void add(std::string word);
    const std::vector<std::string> &list() const { return words_; }
    // Ends in a null pointer. Call it once all words are there.
    void freeze();
    bool frozen() const { return !pointers_.empty(); }
    // Null unless frozen.
    char *const *pointers() const { return pointers_.data(); }

  private:
    std::vector<std::string> words_;
    std::vector<char *> pointers_;
};

} // namespace ballast::isolate
