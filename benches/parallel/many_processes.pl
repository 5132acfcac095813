# Seconds until so many processes live, have been told to end, and have ended.
use strict; use warnings; use Time::HiRes 'time'; use MCE::Child; use MCE::Channel;
my $n = shift;
my $go = MCE::Channel->new;
my $start = time;
my @ps = map { MCE::Child->create(sub { $go->dequeue }) } 1 .. $n;
$go->enqueue(1) for 1 .. $n;
$_->join for @ps;
print time - $start, "\n";
