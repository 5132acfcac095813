# Seconds per small message through a channel, by the numbers of producers and consumers.
use strict; use warnings; use Time::HiRes 'time'; use MCE::Child; use MCE::Channel;
my ($n, $producers, $consumers) = (200_000, 1, 1);
my $channel = MCE::Channel->new(impl => 'SimpleFast');
my $start = time;
my @ps;
push @ps, MCE::Child->create(sub { $channel->enqueue($_) for 1 .. $n / $producers }) for 1 .. $producers;
push @ps, MCE::Child->create(sub { $channel->dequeue for 1 .. $n / $consumers }) for 1 .. $consumers;
$_->join for @ps;
print +(time - $start) / $n, "\n";
