package main

// On Windows `berth run` hands over no pipe, so there is no application to end.

func (p *parent) askApp()        {}
func (p *parent) appLives() bool { return false }
func (p *parent) killApp()       {}
