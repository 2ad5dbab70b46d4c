#include "submitter/client/piece_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

namespace landseer::client {
namespace {

using Verdict = PieceWindow::Verdict;

constexpr std::uint64_t kPiece = protocol::kBlobChunkBytesMax;

std::vector<PieceWindow::Ask> all_asks(PieceWindow& window) {
  std::vector<PieceWindow::Ask> asks;
  while (const auto ask = window.next()) asks.push_back(*ask);
  return asks;
}

TEST(PieceWindow, TheFirstRequestGoesAloneAndThenAsManyAsAllowed) {
  PieceWindow window;
  auto asks = all_asks(window);
  ASSERT_EQ(asks.size(), 1u);
  EXPECT_EQ(window.take(asks[0].number, 0, 20 * kPiece, kPiece), Verdict::kTaken);
  asks = all_asks(window);
  ASSERT_EQ(asks.size(), kPiecesAhead);
  for (std::size_t i = 0; i < asks.size(); ++i) EXPECT_EQ(asks[i].offset, (i + 1) * kPiece);
  EXPECT_EQ(window.take(asks[0].number, kPiece, 20 * kPiece, kPiece), Verdict::kTaken);
  EXPECT_EQ(all_asks(window).size(), 1u);
}

TEST(PieceWindow, ReadsEveryByteOnceUpToTheEnd) {
  PieceWindow window;
  const std::uint64_t size = 9 * kPiece + 17;
  std::vector<PieceWindow::Ask> asks;
  while (!window.at_end()) {
    for (const auto& ask : all_asks(window)) asks.push_back(ask);
    ASSERT_FALSE(asks.empty());
    const auto ask = asks.front();
    asks.erase(asks.begin());
    EXPECT_EQ(ask.offset, window.received());
    ASSERT_EQ(window.take(ask.number, ask.offset, size, std::min(kPiece, size - ask.offset)),
              Verdict::kTaken);
  }
  EXPECT_EQ(window.received(), size);
}

TEST(PieceWindow, AtTheEndOneRequestWaitsForMore) {
  PieceWindow window;
  const auto first = window.next();
  EXPECT_EQ(window.take(first->number, 0, 10, 10), Verdict::kTaken);
  const auto asks = all_asks(window);
  ASSERT_EQ(asks.size(), 1u);
  EXPECT_EQ(asks[0].offset, 10u);
  EXPECT_EQ(window.take(asks[0].number, 10, 25, 15), Verdict::kTaken);
  EXPECT_EQ(window.received(), 25u);
  EXPECT_TRUE(window.at_end());
}

TEST(PieceWindow, AShortPieceMakesTheRequestsBehindItVain) {
  PieceWindow window;
  const auto first = window.next();
  EXPECT_EQ(window.take(first->number, 0, 20 * kPiece, kPiece), Verdict::kTaken);
  const auto asks = all_asks(window);
  EXPECT_EQ(window.take(asks[0].number, kPiece, 20 * kPiece, 5), Verdict::kTaken);
  EXPECT_EQ(window.take(asks[1].number, 2 * kPiece, 20 * kPiece, kPiece), Verdict::kIgnored);
  EXPECT_EQ(window.next()->offset, kPiece + 5);
}

TEST(PieceWindow, APieceThatBeginsLaterLeavesSomethingOut) {
  PieceWindow window;
  const auto first = window.next();
  EXPECT_EQ(window.take(first->number, 5000, 6000, 100), Verdict::kTaken);
  EXPECT_EQ(window.received(), 5100u);
  EXPECT_EQ(window.next()->offset, 5100u);
}

TEST(PieceWindow, RepliesToWhatWasGivenUpAreIgnored) {
  PieceWindow window;
  const auto old = window.next();
  window.forget();
  const auto again = window.next();
  EXPECT_NE(old->number, again->number);
  EXPECT_EQ(again->offset, 0u);
  EXPECT_EQ(window.take(old->number, 0, 10, 10), Verdict::kIgnored);
  EXPECT_EQ(window.take(again->number, 0, 10, 10), Verdict::kTaken);
  EXPECT_EQ(window.take(99, 0, 10, 10), Verdict::kIgnored);  // never asked
}

TEST(PieceWindow, AReplyThatWasLostIsAskedForAgain) {
  PieceWindow window;
  const auto first = window.next();
  EXPECT_EQ(window.take(first->number, 0, 20 * kPiece, kPiece), Verdict::kTaken);
  const auto asks = all_asks(window);
  EXPECT_EQ(window.take(asks[1].number, 2 * kPiece, 20 * kPiece, kPiece), Verdict::kIgnored);
  EXPECT_EQ(window.received(), kPiece);
  EXPECT_EQ(window.next()->offset, kPiece);
}

TEST(PieceWindow, WhatWasNotAskedForIsWrong) {
  for (const auto& [offset, size, bytes] : std::vector<std::array<std::uint64_t, 3>>{
           {0, 100, 10},                     // before what was asked for
           {50, 100, 51},                    // beyond its own end
           {50, 2 * kPiece, kPiece + 1}}) {  // more than asked for
    PieceWindow window;
    window.seek(50);
    const auto ask = window.next();
    EXPECT_EQ(window.take(ask->number, offset, size, bytes), Verdict::kWrong) << offset;
  }
}

TEST(PieceWindow, PiecesAreNoLongerThanWanted) {
  PieceWindow window;
  window.limit_pieces(10);
  EXPECT_EQ(window.next()->limit, 10u);
  EXPECT_EQ(window.take(1, 0, 25, 10), PieceWindow::Verdict::kTaken);
  EXPECT_EQ(window.next()->offset, 10u);
  EXPECT_EQ(window.next()->offset, 20u);
  EXPECT_EQ(window.take(2, 10, 25, 11), PieceWindow::Verdict::kWrong) << "more than asked for";
}

}  // namespace
}  // namespace landseer::client
